{{ config(materialized=by_season()) }}

with

lap_times as (

    select * from {{ ref('fct_lap_times') }}
    where not is_red_flag and {{ in_changed_seasons() }}

),

final as (

    select
        race_id,
        actual_driver_id as driver_id,
        season,
        min(lap_time_ms) as lap_time_ms
    from lap_times
    group by race_id, actual_driver_id, season

)

select * from final
