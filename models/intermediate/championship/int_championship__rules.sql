{{ config(materialized='by_season') }}

with

races as (

    select * from {{ ref('stg_ergast__races') }}

),

periods as (

    select * from {{ ref('championship_periods') }}

),

seasons as (

    select distinct season from races

),

championships as (

    select
        championship,
        max(last_season) as last_season
    from periods
    group by championship

),

-- A season that the seed does not reach takes the latest rules there are.
seasons_of_rules as (

    select
        championships.championship,
        seasons.season,
        least(seasons.season, championships.last_season) as rules_of_season
    from seasons
    cross join championships

),

final as (

    select
        seasons_of_rules.championship,
        seasons_of_rules.season,
        seasons_of_rules.rules_of_season,
        seasons_of_rules.season > seasons_of_rules.rules_of_season as is_assumed,
        periods.points_system,
        periods.scoring_cars,
        periods.shared_drives
    from seasons_of_rules
    inner join periods
        on seasons_of_rules.championship = periods.championship
        and seasons_of_rules.rules_of_season between periods.first_season and periods.last_season

)

select * from final
