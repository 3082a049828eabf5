with

source as (

    select * from {{ source('racedata', 'fatal_accidents_marshalls') }}

),

renamed as (

    select
        name as marshal_name,
        date_of_accident as accident_date,
        age as age_at_death,
        event as source_event,
        {{ event_season('event') }} as season,
        {{ event_name('event') }} as race_name
    from source

)

select * from renamed
