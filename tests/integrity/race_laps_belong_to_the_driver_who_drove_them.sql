-- A driver who has more or fewer laps, or others, than the source files under him once the misfiled ones are set right.
with

race_laps as (

    select * from {{ ref('fct_race_laps') }}
    where {{ in_changed_seasons() }}

),

lap_times as (

    select * from {{ ref('fct_lap_times') }}
    where {{ in_changed_seasons() }}

),

told as (

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
left join told
    on driven.race_id = told.race_id
    and driven.driver_id = told.driver_id
where
    told.laps is null
    or driven.laps <> told.laps
    or driven.laps_ms <> told.laps_ms
