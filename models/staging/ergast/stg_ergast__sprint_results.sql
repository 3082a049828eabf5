with

source as (

    select * from {{ source('ergast', 'sprint_results') }}

),

renamed as (

    select
        result_id,
        race_id,
        driver_id,
        constructor_id,
        number as car_number,
        grid as source_grid,
        position as source_position,
        position_text,
        position_order,
        points,
        laps as laps_completed,
        time as time_text,
        milliseconds as time_ms,
        fastest_lap as fastest_lap_number,
        rank as fastest_lap_rank,
        {{ duration_to_ms('fastest_lap_time') }} as fastest_lap_time_ms,
        status_id
    from source

)

select * from renamed
