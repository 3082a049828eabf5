{{ config(materialized='by_season') }}

with

lap_times as (

    select * from {{ ref('int_qualifying__lap_times') }}

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

fastest as (

    select
        race_id,
        min(q1_ms) as q1_ms,
        min(q2_ms) as q2_ms,
        min(q3_ms) as q3_ms,
        min(aggregate_ms) as aggregate_ms
    from lap_times
    group by race_id

),

-- The last session in which anybody has a time decided pole; in 2015 a storm kept all from the third.
compared as (

    select
        lap_times.*,
        case
            when lap_times.aggregate_ms is not null then 'aggregate'
            when lap_times.q3_ms is not null then 'q3'
            when lap_times.q2_ms is not null then 'q2'
            when lap_times.q1_ms is not null then 'q1'
        end as last_session,
        coalesce(
            lap_times.aggregate_ms, lap_times.q3_ms, lap_times.q2_ms, lap_times.q1_ms
        ) as last_session_ms,
        case
            when lap_times.aggregate_ms is not null then fastest.aggregate_ms
            when lap_times.q3_ms is not null then fastest.q3_ms
            when lap_times.q2_ms is not null then fastest.q2_ms
            else fastest.q1_ms
        end as fastest_of_session_ms,
        coalesce(fastest.aggregate_ms, fastest.q3_ms, fastest.q2_ms, fastest.q1_ms) as deciding_ms
    from lap_times
    inner join fastest
        on lap_times.race_id = fastest.race_id

),

-- A single time cannot be compared with the sum of two.
comparable as (

    select
        *,
        qualifying_format <> 'aggregate' or aggregate_ms is not null as is_comparable_with_pole,
        case
            when last_session_ms is null or (qualifying_format = 'aggregate' and aggregate_ms is null) then null
            when fastest_of_session_ms = deciding_ms then 'same session'
            when
                season <= {{ var('last_race_fuel_season') }} and last_session in ('q1', 'q2')
                then 'race fuel'
            when
                deciding_ms * 100 > fastest_of_session_ms * {{ var('later_session_slowest_percent') }}
                or deciding_ms * 100 < fastest_of_session_ms * {{ var('later_session_fastest_percent') }}
                then 'other track'
            else 'earlier session'
        end as pole_comparison
    from compared

),

final as (

    select
        comparable.qualifying_result_id,
        comparable.race_id,
        races.race_name,
        races.race_date,
        comparable.season,
        comparable.round,
        comparable.driver_id,
        drivers.driver_name,
        comparable.constructor_id,
        constructors.constructor_name,
        comparable.qualifying_position,
        comparable.qualifying_format,
        comparable.last_session,
        comparable.last_session_ms,
        comparable.last_session_ms - comparable.fastest_of_session_ms as gap_in_session_ms,
        {{ percent(
            'comparable.last_session_ms - comparable.fastest_of_session_ms',
            'comparable.fastest_of_session_ms', 'decimal(8, 3)'
        ) }} as gap_in_session_percent,
        comparable.deciding_ms,
        case
            when comparable.is_comparable_with_pole then comparable.last_session_ms - comparable.deciding_ms
        end as gap_to_pole_ms,
        case
            when comparable.is_comparable_with_pole
                then {{ percent(
                    'comparable.last_session_ms - comparable.deciding_ms', 'comparable.deciding_ms', 'decimal(8, 3)'
                ) }}
        end as gap_to_pole_percent,
        comparable.pole_comparison,
        case
            when comparable.qualifying_format = 'knockout' then comparable.q1_ms - comparable.q2_ms
        end as gained_in_q2_ms,
        case
            when comparable.qualifying_format = 'knockout' then comparable.q2_ms - comparable.q3_ms
        end as gained_in_q3_ms
    from comparable
    left join drivers
        on comparable.driver_id = drivers.driver_id
    left join constructors
        on comparable.constructor_id = constructors.constructor_id
    left join races
        on comparable.race_id = races.race_id

)

select * from final
