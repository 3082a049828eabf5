with

race_results as (

    select * from {{ ref('stg_ergast__results') }}

),

sprint_results as (

    select * from {{ ref('stg_ergast__sprint_results') }}

),

unioned as (

    select
        'race' as session_type,
        result_id,
        race_id,
        driver_id,
        constructor_id,
        car_number,
        source_grid,
        position_text,
        position_order,
        points,
        laps_completed,
        time_text,
        time_ms,
        fastest_lap_number,
        fastest_lap_rank,
        fastest_lap_time_ms,
        fastest_lap_speed_kph,
        status_id
    from race_results

    union all

    select
        'sprint' as session_type,
        result_id,
        race_id,
        driver_id,
        constructor_id,
        car_number,
        source_grid,
        position_text,
        position_order,
        points,
        laps_completed,
        time_text,
        time_ms,
        fastest_lap_number,
        fastest_lap_rank,
        fastest_lap_time_ms,
        cast(null as decimal(6, 3)) as fastest_lap_speed_kph,
        status_id
    from sprint_results

)

select * from unioned
