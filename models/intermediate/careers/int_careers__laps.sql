with

driven_laps as (

    select * from {{ ref('int_laps__driven') }}

),

results as (

    select * from {{ ref('stg_ergast__results') }}

),

-- A race that is counted back ends before the last lap that was timed.
race_distances as (

    select
        race_id,
        max(laps_completed) as laps
    from results
    group by race_id

),

final as (

    select
        driven_laps.race_id,
        driven_laps.actual_driver_id as driver_id,
        cast(count(*) filter (where driven_laps.position = 1) as integer) as laps_led,
        min(driven_laps.lap_time_ms) as best_lap_time_ms
    from driven_laps
    inner join race_distances
        on driven_laps.race_id = race_distances.race_id
        and driven_laps.lap_number <= race_distances.laps
    group by driven_laps.race_id, driven_laps.actual_driver_id

)

select * from final
