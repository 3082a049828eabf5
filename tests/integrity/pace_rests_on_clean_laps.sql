-- Drivers whose race pace uses a lap of a stopped race, or one that the source files under another driver.
-- Counts the laps themselves, not the classes from which the pace was computed.
with

race_pace as (

    select * from {{ ref('fct_race_pace') }}
    where {{ in_changed_seasons() }}

),

race_laps as (

    select * from {{ ref('fct_race_laps') }}
    where {{ in_changed_seasons() }}

),

lap_times as (

    select * from {{ ref('fct_lap_times') }}
    where {{ in_changed_seasons() }}

),

-- Few, so that the laps need not be joined to themselves.
unclean_laps as (

    select
        race_id,
        actual_driver_id as driver_id,
        lap_number
    from lap_times
    where actual_driver_id <> driver_id or lap_time_ms > {{ var('red_flag_ms') }}

),

clean_laps as (

    select
        race_laps.race_id,
        race_laps.driver_id,
        count(*) as laps,
        max(race_laps.lap_time_ms) as slowest_ms
    from race_laps
    left join unclean_laps
        on race_laps.race_id = unclean_laps.race_id
        and race_laps.driver_id = unclean_laps.driver_id
        and race_laps.lap_number = unclean_laps.lap_number
    where race_laps.is_green and unclean_laps.race_id is null
    group by race_laps.race_id, race_laps.driver_id

)

select
    race_pace.race_id,
    race_pace.driver_id
from race_pace
left join clean_laps
    on race_pace.race_id = clean_laps.race_id
    and race_pace.driver_id = clean_laps.driver_id
where
    clean_laps.laps is null
    or clean_laps.laps <> race_pace.green_laps
    or race_pace.trimmed_mean_ms > clean_laps.slowest_ms
