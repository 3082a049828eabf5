with

source as (

    select * from {{ source('ergast', 'constructor_standings') }}

),

renamed as (

    select
        constructor_standings_id as constructor_standing_id,
        race_id,
        constructor_id,
        points,
        position,
        position_text,
        wins
    from source

)

select * from renamed
