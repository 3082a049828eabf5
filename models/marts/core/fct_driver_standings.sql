{{ config(materialized=by_season()) }}

with

standings as (

    select * from {{ ref('int_championship__official_standings') }}
    where championship = 'drivers'

),

final as (

    select
        standing_id as driver_standing_id,
        race_id,
        season,
        round,
        competitor_id as driver_id,
        points,
        position,
        position_text,
        is_excluded,
        wins,
        is_latest_of_season
    from standings

)

select * from final
