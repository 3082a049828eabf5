{{ config(materialized='by_season') }}

with

races as (

    select * from {{ ref('stg_ergast__races') }}

),

weekends as (

    select * from {{ ref('int_races__weekends') }}

),

race_scoring as (

    select * from {{ ref('race_scoring') }}

),

final as (

    select
        races.race_id,
        races.season,
        races.round,
        weekends.is_held,
        weekends.is_sprint_weekend,
        cast(coalesce(race_scoring.points_factor, 1) as decimal(4, 2)) as points_factor,
        coalesce(race_scoring.is_factor_known_before, true) as is_factor_known_before,
        coalesce(race_scoring.is_fastest_lap_scored, true) as is_fastest_lap_scored,
        coalesce(race_scoring.is_counted_for_constructors, true) as is_counted_for_constructors
    from races
    inner join weekends
        on races.race_id = weekends.race_id
    left join race_scoring
        on races.season = race_scoring.season
        and races.round = race_scoring.round

)

select * from final
