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
        -- COALESCE would convert the text of every row, and not only where it is needed.
        case
            when milliseconds is null then {{ duration_to_ms('time') }}  -- noqa: ST02
            else milliseconds
        end as lap_time_ms
    from source

)

select * from renamed
