with

source as (

    select * from {{ source('racedata', 'red_flags') }}

),

renamed as (

    select
        race as source_race,
        {{ event_season('race') }} as season,
        {{ event_name('race') }} as race_name,
        lap as lap_number,
        resumed as resumed_letter,
        incident,
        excluded as excluded_drivers
    from source

)

select * from renamed
