-- Drivers whose stints, in a race with pit stops, do not have exactly the laps that they drove, or are not numbered
-- without gaps.
with

stints as (

    select * from {{ ref('fct_stints') }}
    where {{ in_changed_seasons() }}

),

lap_times as (

    select * from {{ ref('fct_lap_times') }}
    where {{ in_changed_seasons() }}

),

pit_stops as (

    select * from {{ ref('fct_pit_stops') }}
    where {{ in_changed_seasons() }}

),

races_with_stops as (

    select distinct race_id from pit_stops

),

driver_laps as (

    select
        lap_times.race_id,
        lap_times.actual_driver_id as driver_id,
        count(*) as laps
    from lap_times
    inner join races_with_stops
        on lap_times.race_id = races_with_stops.race_id
    group by lap_times.race_id, lap_times.actual_driver_id

),

driver_stints as (

    select
        race_id,
        driver_id,
        count(*) as stints,
        max(stint_number) as last_stint_number,
        sum(laps) as laps
    from stints
    group by race_id, driver_id

)

select
    driver_laps.race_id,
    driver_laps.driver_id,
    driver_laps.laps,
    driver_stints.laps as stint_laps
from driver_laps
full join driver_stints
    on driver_laps.race_id = driver_stints.race_id
    and driver_laps.driver_id = driver_stints.driver_id
where
    driver_laps.laps is null
    or driver_stints.laps is null
    or driver_laps.laps <> driver_stints.laps
    or driver_stints.stints <> driver_stints.last_stint_number
