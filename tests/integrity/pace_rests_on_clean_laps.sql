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

clean_laps as (

    select
        lap_times.race_id,
        lap_times.driver_id,
        count(*) as laps,
        max(lap_times.lap_time_ms) as slowest_ms
    from lap_times
    inner join race_laps
        on lap_times.race_id = race_laps.race_id
        and lap_times.driver_id = race_laps.driver_id
        and lap_times.lap_number = race_laps.lap_number
    where
        race_laps.is_green
        and lap_times.actual_driver_id = lap_times.driver_id
        and lap_times.lap_time_ms <= {{ var('red_flag_ms') }}
    group by lap_times.race_id, lap_times.driver_id

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
