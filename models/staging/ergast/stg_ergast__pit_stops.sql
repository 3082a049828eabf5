with

source as (

    select * from {{ source('ergast', 'pit_stops') }}

),

renamed as (

    select
        race_id,
        driver_id,
        stop as stop_number,
        lap as lap_number,
        time as local_time_of_day,
        duration as duration_text,
        coalesce(milliseconds, {{ duration_to_ms('duration') }}) as duration_ms
    from source

)

select * from renamed
