{{ config(materialized='by_season', meta={'key_has_index': false}) }}

with

pit_stops as (

    select * from {{ ref('stg_ergast__pit_stops') }}

),

results as (

    select * from {{ ref('fct_race_results') }}
    where driver_entry_number = 1 and {{ in_changed_seasons() }}

),

final as (

    select
        pit_stops.race_id,
        results.race_name,
        results.race_date,
        pit_stops.driver_id,
        results.driver_name,
        pit_stops.stop_number,
        results.season,
        results.round,
        results.constructor_id,
        results.constructor_name,
        pit_stops.lap_number,
        pit_stops.local_time_of_day,
        pit_stops.duration_ms,
        pit_stops.duration_ms > {{ var('red_flag_ms') }} as is_red_flag
    from pit_stops
    inner join results
        on pit_stops.race_id = results.race_id
        and pit_stops.driver_id = results.driver_id

)

select * from final
