{{ config(materialized='by_season') }}

with

race_results as (

    select * from {{ ref('stg_ergast__results') }}

),

sprint_results as (

    select * from {{ ref('stg_ergast__sprint_results') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

lap_times as (

    select * from {{ ref('stg_ergast__lap_times') }}

),

start_exceptions as (

    select * from {{ ref('start_exceptions') }}

),

exceptional_starts as (

    select
        races.race_id,
        drivers.driver_id,
        case when start_exceptions.start = 'not taken' then start_exceptions.reason end as non_start_reason,
        start_exceptions.start = 'pit lane' as is_pit_lane_start
    from start_exceptions
    inner join races
        on start_exceptions.season = races.season
        and start_exceptions.round = races.round
    inner join drivers
        on start_exceptions.driver_ref = drivers.driver_ref

),

disqualified_without_laps as (

    select
        result_id,
        race_id,
        driver_id
    from race_results
    where position_text = 'D' and laps_completed = 0

),

laps_on_file as (

    select
        disqualified_without_laps.result_id,
        max(lap_times.lap_number) as laps_completed
    from disqualified_without_laps
    inner join lap_times
        on disqualified_without_laps.race_id = lap_times.race_id
        and disqualified_without_laps.driver_id = lap_times.driver_id
    group by disqualified_without_laps.result_id

),

corrected_races as (

    select
        'race' as session_type,
        race_results.result_id,
        races.season,
        exceptional_starts.non_start_reason,
        laps_on_file.laps_completed,
        false as is_short_of_distance,
        coalesce(exceptional_starts.is_pit_lane_start, false) as is_pit_lane_start
    from race_results
    inner join races
        on race_results.race_id = races.race_id
    left join exceptional_starts
        on race_results.race_id = exceptional_starts.race_id
        and race_results.driver_id = exceptional_starts.driver_id
    left join laps_on_file
        on race_results.result_id = laps_on_file.result_id
    where exceptional_starts.race_id is not null or laps_on_file.result_id is not null

),

sprint_winners as (

    select
        race_id,
        laps_completed as winner_laps
    from sprint_results
    where position_text = '1'

),

-- From 2024 on, the source gives every car of a sprint a position. The least number of laps is rounded down.
corrected_sprints as (

    select
        'sprint' as session_type,
        sprint_results.result_id,
        races.season,
        cast(null as {{ dbt.type_string() }}) as non_start_reason,
        cast(null as integer) as laps_completed,
        true as is_short_of_distance,
        false as is_pit_lane_start
    from sprint_results
    inner join races
        on sprint_results.race_id = races.race_id
    inner join sprint_winners
        on sprint_results.race_id = sprint_winners.race_id
    where
        sprint_results.position_text not in ('R', 'D', 'E', 'F', 'N', 'W')
        and (sprint_results.laps_completed + 1) * 100
        <= sprint_winners.winner_laps * {{ var('classified_distance_percent') }}

),

unioned as (

    select * from corrected_races

    union all

    select * from corrected_sprints

)

select * from unioned
