{{ config(materialized='by_season', meta={'key_has_index': false}) }}

with

driven_laps as (

    select * from {{ ref('int_laps__driven') }}

),

final as (

    select
        race_id,
        driver_id,
        lap_number,
        season,
        round,
        actual_driver_id,
        position,
        lap_time_ms,
        is_red_flag,
        is_red_flag_by_rule,
        is_misfiled
    from driven_laps

)

select * from final
