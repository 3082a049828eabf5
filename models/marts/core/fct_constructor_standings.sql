{{ config(materialized='by_season') }}

with

standings as (

    select * from {{ ref('int_championship__official_standings') }}
    where championship = 'constructors'

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

final as (

    select
        standings.standing_id as constructor_standing_id,
        standings.race_id,
        races.race_name,
        races.race_date,
        standings.season,
        standings.round,
        standings.competitor_id as constructor_id,
        constructors.constructor_name,
        standings.points,
        standings.position,
        standings.position_text,
        standings.is_excluded,
        standings.wins,
        standings.is_latest_of_season
    from standings
    left join constructors
        on standings.competitor_id = constructors.constructor_id
    left join races
        on standings.race_id = races.race_id

)

select * from final
