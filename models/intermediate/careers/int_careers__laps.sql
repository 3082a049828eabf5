with

lap_times as (

    select * from {{ ref('stg_ergast__lap_times') }}

),

misfiled_laps as (

    select * from {{ ref('int_laps__misfiled') }}

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
        lap_times.race_id,
        coalesce(misfiled_laps.actual_driver_id, lap_times.driver_id) as driver_id,
        cast(count(*) filter (where lap_times.position = 1) as integer) as laps_led,
        min(lap_times.lap_time_ms) as best_lap_time_ms
    from lap_times
    inner join race_distances
        on lap_times.race_id = race_distances.race_id
        and lap_times.lap_number <= race_distances.laps
    left join misfiled_laps
        on lap_times.race_id = misfiled_laps.race_id
        and lap_times.driver_id = misfiled_laps.driver_id
    group by lap_times.race_id, coalesce(misfiled_laps.actual_driver_id, lap_times.driver_id)

)

select * from final
