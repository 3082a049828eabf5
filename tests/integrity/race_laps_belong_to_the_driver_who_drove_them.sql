-- Drivers whose laps are not those that they drove, in number or in total time.
with

race_laps as (

    select * from {{ ref('fct_race_laps') }}
    where {{ in_changed_seasons() }}

),

lap_times as (

    select * from {{ ref('fct_lap_times') }}
    where {{ in_changed_seasons() }}

),

listed as (

    select
        race_id,
        driver_id,
        count(*) as laps,
        sum(lap_time_ms) as laps_ms
    from race_laps
    group by race_id, driver_id

),

driven as (

    select
        race_id,
        actual_driver_id as driver_id,
        count(*) as laps,
        sum(lap_time_ms) as laps_ms
    from lap_times
    group by race_id, actual_driver_id

)

select
    driven.race_id,
    driven.driver_id
from driven
left join listed
    on driven.race_id = listed.race_id
    and driven.driver_id = listed.driver_id
where
    listed.laps is null
    or driven.laps <> listed.laps
    or driven.laps_ms <> listed.laps_ms
