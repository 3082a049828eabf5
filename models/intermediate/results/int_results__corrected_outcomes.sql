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

starts_not_taken as (

    select * from {{ ref('starts_not_taken') }}

),

non_starts as (

    select
        races.race_id,
        drivers.driver_id,
        starts_not_taken.reason as non_start_reason
    from starts_not_taken
    inner join races
        on starts_not_taken.season = races.season
        and starts_not_taken.round = races.round
    inner join drivers
        on starts_not_taken.driver_ref = drivers.driver_ref

),

pit_lane_starts as (

    select * from {{ ref('pit_lane_starts') }}

),

unmarked_pit_lane_starts as (

    select
        races.race_id,
        drivers.driver_id
    from pit_lane_starts
    inner join races
        on pit_lane_starts.season = races.season
        and pit_lane_starts.round = races.round
    inner join drivers
        on pit_lane_starts.driver_ref = drivers.driver_ref

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
        non_starts.non_start_reason,
        laps_on_file.laps_completed,
        false as is_short_of_distance,
        unmarked_pit_lane_starts.race_id is not null as is_pit_lane_start
    from race_results
    inner join races
        on race_results.race_id = races.race_id
    left join non_starts
        on race_results.race_id = non_starts.race_id
        and race_results.driver_id = non_starts.driver_id
    left join laps_on_file
        on race_results.result_id = laps_on_file.result_id
    left join unmarked_pit_lane_starts
        on race_results.race_id = unmarked_pit_lane_starts.race_id
        and race_results.driver_id = unmarked_pit_lane_starts.driver_id
    where
        non_starts.race_id is not null
        or laps_on_file.result_id is not null
        or unmarked_pit_lane_starts.race_id is not null

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
