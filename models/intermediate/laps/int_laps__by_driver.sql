{{ config(materialized='by_season') }}

with

driven_laps as (

    select * from {{ ref('int_laps__driven') }}

),

results as (

    select * from {{ ref('stg_ergast__results') }}

),

-- If a race is counted back, its result ends before the last lap that was timed.
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
        driven_laps.season,
        cast(count(*) as integer) as laps,
        cast(sum(driven_laps.lap_time_ms) as bigint) as laps_ms,
        cast(
            count(*) filter (
                where driven_laps.position = 1 and driven_laps.lap_number <= race_distances.laps
            ) as integer
        ) as laps_led,
        min(case when driven_laps.lap_number <= race_distances.laps then driven_laps.lap_time_ms end)
            as best_counted_lap_ms,
        min(case when not driven_laps.is_red_flag then driven_laps.lap_time_ms end) as best_lap_ms
    from driven_laps
    left join race_distances
        on driven_laps.race_id = race_distances.race_id
    group by driven_laps.race_id, driven_laps.actual_driver_id, driven_laps.season

)

select * from final
