{{ config(materialized='by_season') }}

with

misfiled_laps as (

    select * from {{ ref('misfiled_laps') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

keyed as (

    select
        races.race_id,
        drivers.driver_id,
        races.season,
        actual_drivers.driver_id as actual_driver_id,
        misfiled_laps.reason
    from misfiled_laps
    inner join races
        on misfiled_laps.season = races.season
        and misfiled_laps.round = races.round
    inner join drivers
        on misfiled_laps.driver_ref = drivers.driver_ref
    inner join drivers as actual_drivers
        on misfiled_laps.actual_driver_ref = actual_drivers.driver_ref

)

select * from keyed
