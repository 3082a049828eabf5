with

source as (

    select * from {{ source('ergast', 'qualifying') }}

),

renamed as (

    select
        qualify_id as qualifying_result_id,
        race_id,
        driver_id,
        constructor_id,
        number as car_number,
        position as qualifying_position,
        {{ duration_to_ms('q1') }} as q1_ms,
        {{ duration_to_ms('q2') }} as q2_ms,
        {{ duration_to_ms('q3') }} as q3_ms
    from source

)

select * from renamed
