with

source as (

    select * from {{ source('racedata', 'fatal_accidents_drivers') }}

),

renamed as (

    select
        driver as driver_name,
        date_of_accident as accident_date,
        age as age_at_death,
        case when event <> 'N/A' then event end as source_event,
        {{ event_season('event') }} as season,
        {{ event_name('event') }} as race_name,
        car as car_make,
        session as session_name
    from source

)

select * from renamed
