{{ config(materialized='by_season') }}

with

red_flags as (

    select * from {{ ref('int_races__red_flags') }}
    where resumption in ('resumed', 'shortened')

),

-- Cars stand still on the lap of the record or the next one, lapped cars on an earlier lap.
laps_behind as (
    {% for laps in range(-1, var('red_flag_lapped_laps') | int + 1) %}

    select {{ laps }} as laps
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

final as (

    select
        red_flags.race_id,
        red_flags.season,
        red_flags.lap_number - laps_behind.laps as lap_number,
        min(
            case
                when laps_behind.laps <= 1 then {{ var('recorded_red_flag_ms') }}
                else {{ var('red_flag_ms') }}
            end
        ) as least_ms
    from red_flags
    cross join laps_behind
    where laps_behind.laps < red_flags.lap_number
    group by red_flags.race_id, red_flags.season, red_flags.lap_number - laps_behind.laps

)

select * from final
