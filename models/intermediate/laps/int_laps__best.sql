{{ config(materialized='by_season') }}

with

driven_laps as (

    select * from {{ ref('int_laps__driven') }}
    where not is_red_flag

),

final as (

    select
        race_id,
        actual_driver_id as driver_id,
        season,
        min(lap_time_ms) as lap_time_ms
    from driven_laps
    group by race_id, actual_driver_id, season

)

select * from final
