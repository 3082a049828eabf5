{{ config(materialized='by_season') }}

with

results as (

    select * from {{ ref('int_results__race_and_sprint_results') }}
    where position_text not in ('R', 'D', 'E', 'F', 'N', 'W')

),

corrected_times as (

    select * from {{ ref('int_results__corrected_times') }}
    where {{ in_changed_seasons() }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

finishing_position_exceptions as (

    select * from {{ ref('finishing_position_exceptions') }}

),

classified as (

    select
        results.session_type,
        results.result_id,
        results.race_id,
        races.season,
        races.round,
        drivers.driver_ref,
        results.points,
        cast(results.position_text as integer) as source_finishing_position,
        coalesce(corrected_times.time_ms, results.time_ms) as time_ms
    from results
    inner join races
        on results.race_id = races.race_id
    inner join drivers
        on results.driver_id = drivers.driver_id
    left join corrected_times
        on results.session_type = corrected_times.session_type
        and results.result_id = corrected_times.result_id

),

-- Cars that took longer than a car that is placed behind them.
contradictions as (

    select
        ahead.season,
        ahead.session_type,
        ahead.race_id,
        ahead.result_id as ahead_result_id,
        ahead.source_finishing_position as ahead_position,
        behind.result_id as behind_result_id,
        behind.source_finishing_position as behind_position,
        ahead.points + behind.points as points
    from classified as ahead
    inner join classified as behind
        on ahead.season = behind.season
        and ahead.session_type = behind.session_type
        and ahead.race_id = behind.race_id
        and ahead.source_finishing_position < behind.source_finishing_position
        and ahead.time_ms > behind.time_ms

),

-- One car is too far ahead if it alone explains all contradictions of the race. Two or more cars must say so: with one,
-- the time of either car may be wrong.
late_cars as (

    select
        season,
        session_type,
        race_id,
        min(ahead_result_id) as result_id,
        min(ahead_position) as source_finishing_position,
        count(*) as places_lost
    from contradictions
    group by season, session_type, race_id
    having
        count(distinct ahead_result_id) = 1
        and count(*) >= {{ var('late_car_contradictions') }}
        -- The cars that move up are next to each other, and no points depend on them.
        and max(behind_position) - min(ahead_position) = count(*)
        and sum(points) = 0

),

by_times as (

    select
        late_cars.session_type,
        late_cars.result_id,
        late_cars.source_finishing_position + late_cars.places_lost as finishing_position
    from late_cars

    union all

    select
        contradictions.session_type,
        contradictions.behind_result_id as result_id,
        contradictions.behind_position - 1 as finishing_position
    from late_cars
    inner join contradictions
        on late_cars.session_type = contradictions.session_type
        and late_cars.race_id = contradictions.race_id

),

judged as (

    select
        classified.session_type,
        classified.result_id,
        classified.race_id,
        classified.season,
        classified.source_finishing_position,
        cast(
            coalesce(finishing_position_exceptions.finishing_position, by_times.finishing_position) as integer
        ) as finishing_position,
        case
            when finishing_position_exceptions.finishing_position is not null then 'stewards'
            when by_times.finishing_position is not null then 'race times'
        end as position_basis,
        coalesce(finishing_position_exceptions.reason, 'By the race times') as reason
    from classified
    left join finishing_position_exceptions
        on classified.session_type = 'race'
        and classified.season = finishing_position_exceptions.season
        and classified.round = finishing_position_exceptions.round
        and classified.driver_ref = finishing_position_exceptions.driver_ref
        and classified.source_finishing_position = finishing_position_exceptions.source_finishing_position
    left join by_times
        on classified.session_type = by_times.session_type
        and classified.result_id = by_times.result_id

),

final as (

    select * from judged
    where position_basis is not null

)

select * from final
