{{ config(materialized='view') }}

with

lap_times as (

    select * from {{ ref('stg_ergast__lap_times') }}

),

misfiled_laps as (

    select * from {{ ref('int_laps__misfiled') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

driven as (

    select
        lap_times.race_id,
        lap_times.driver_id,
        lap_times.lap_number,
        races.season,
        races.round,
        coalesce(misfiled_laps.actual_driver_id, lap_times.driver_id) as actual_driver_id,
        lap_times.position,
        lap_times.lap_time_ms,
        lap_times.lap_time_ms > {{ var('red_flag_ms') }} as is_red_flag,
        misfiled_laps.actual_driver_id is not null as is_misfiled
    from lap_times
    inner join races
        on lap_times.race_id = races.race_id
    left join misfiled_laps
        on lap_times.race_id = misfiled_laps.race_id
        and lap_times.driver_id = misfiled_laps.driver_id

)

select * from driven
