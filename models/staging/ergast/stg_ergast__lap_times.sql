with

source as (

    select * from {{ source('ergast', 'lap_times') }}

),

renamed as (

    select
        race_id,
        driver_id,
        lap as lap_number,
        position,
        time as lap_time_text,
        coalesce(milliseconds, {{ duration_to_ms('time') }}) as lap_time_ms
    from source

)

select * from renamed
