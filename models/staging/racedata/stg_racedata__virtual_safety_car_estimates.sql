with

source as (

    select * from {{ source('racedata', 'virtual_safety_car_estimates') }}

),

renamed as (

    select
        race as source_race,
        {{ event_season('race') }} as season,
        {{ event_name('race') }} as race_name,
        lap as lap_number
    from source

)

select * from renamed
