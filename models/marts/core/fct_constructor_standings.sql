{{ config(materialized='by_season') }}

with

standings as (

    select * from {{ ref('stg_ergast__constructor_standings') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

final as (

    select
        standings.constructor_standing_id,
        standings.race_id,
        races.season,
        races.round,
        standings.constructor_id,
        standings.points,
        standings.position,
        standings.position_text,
        standings.position_text in ('D', 'E') as is_excluded,
        standings.wins,
        races.round = max(races.round) over (partition by races.season) as is_latest_of_season
    from standings
    inner join races
        on standings.race_id = races.race_id

)

select * from final
