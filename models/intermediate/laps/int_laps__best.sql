{{ config(materialized=by_season()) }}

with

lap_times as (

    select * from {{ ref('stg_ergast__lap_times') }}
    where lap_time_ms <= {{ var('red_flag_ms') }}

),

misfiled_laps as (

    select * from {{ ref('int_laps__misfiled') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

driven_laps as (

    select
        lap_times.race_id,
        coalesce(misfiled_laps.actual_driver_id, lap_times.driver_id) as driver_id,
        races.season,
        lap_times.lap_time_ms
    from lap_times
    inner join races
        on lap_times.race_id = races.race_id
    left join misfiled_laps
        on lap_times.race_id = misfiled_laps.race_id
        and lap_times.driver_id = misfiled_laps.driver_id

),

final as (

    select
        race_id,
        driver_id,
        season,
        min(lap_time_ms) as lap_time_ms
    from driven_laps
    group by race_id, driver_id, season

)

select * from final
