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

red_flag_laps as (

    select * from {{ ref('int_laps__red_flag_laps') }}

),

recorded_seasons as (

    select * from {{ ref('int_races__record_coverage') }}

),

-- Without a record any lap above ten minutes counts as stopped. With one, only the laps about a recorded red flag do.
limits as (

    select
        races.race_id,
        races.season,
        races.round,
        case when not coalesce(recorded_seasons.has_red_flags, false) then {{ var('red_flag_ms') }} end
            as unrecorded_ms
    from races
    left join recorded_seasons
        on races.season = recorded_seasons.season

),

driven as (

    select
        lap_times.race_id,
        lap_times.driver_id,
        lap_times.lap_number,
        limits.season,
        limits.round,
        coalesce(misfiled_laps.actual_driver_id, lap_times.driver_id) as actual_driver_id,
        lap_times.position,
        lap_times.lap_time_ms,
        coalesce(
            lap_times.lap_time_ms > coalesce(red_flag_laps.least_ms, limits.unrecorded_ms), false
        ) as is_red_flag,
        lap_times.lap_time_ms > {{ var('red_flag_ms') }} as is_red_flag_by_rule,
        misfiled_laps.actual_driver_id is not null as is_misfiled
    from lap_times
    inner join limits
        on lap_times.race_id = limits.race_id
    left join red_flag_laps
        on lap_times.race_id = red_flag_laps.race_id
        and lap_times.lap_number = red_flag_laps.lap_number
    left join misfiled_laps
        on lap_times.race_id = misfiled_laps.race_id
        and lap_times.driver_id = misfiled_laps.driver_id

)

select * from driven
