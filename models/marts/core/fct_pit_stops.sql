{{ config(materialized='by_season') }}

with

pit_stops as (

    select * from {{ ref('stg_ergast__pit_stops') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

final as (

    select
        pit_stops.race_id,
        pit_stops.driver_id,
        pit_stops.stop_number,
        races.season,
        races.round,
        pit_stops.lap_number,
        pit_stops.local_time_of_day,
        pit_stops.duration_ms,
        pit_stops.duration_ms > {{ var('red_flag_ms') }} as is_red_flag
    from pit_stops
    inner join races
        on pit_stops.race_id = races.race_id

)

select * from final
