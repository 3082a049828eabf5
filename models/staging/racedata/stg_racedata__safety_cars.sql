with

source as (

    select * from {{ source('racedata', 'safety_cars') }}

),

renamed as (

    select
        race as source_race,
        {{ event_season('race') }} as season,
        {{ event_name('race') }} as race_name,
        cause,
        deployed as deployed_lap,
        cast(retreated as integer) as retreated_lap,
        full_laps as source_full_laps
    from source

)

select * from renamed
