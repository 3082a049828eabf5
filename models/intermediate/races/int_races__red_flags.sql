with

red_flags as (

    select * from {{ ref('stg_racedata__red_flags') }}
    where {{ in_changed_seasons() }}

),

race_names as (

    select * from {{ ref('int_races__names') }}

),

final as (

    select
        race_names.race_id,
        cast(
            row_number() over (
                partition by race_names.race_id order by red_flags.lap_number, red_flags.incident
            ) as integer
        ) as red_flag_number,
        race_names.season,
        race_names.round,
        red_flags.lap_number,
        case red_flags.resumed_letter
            when 'Y' then 'started again'
            when 'R' then 'resumed'
            when 'S' then 'shortened'
            when 'N' then 'not resumed'
            else 'unknown'
        end as resumption,
        red_flags.incident,
        red_flags.excluded_drivers
    from red_flags
    inner join race_names
        on red_flags.season = race_names.season
        and red_flags.race_name = race_names.race_name

)

select * from final
