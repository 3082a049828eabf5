{{ config(materialized='by_season') }}

with

races as (

    select * from {{ ref('stg_ergast__races') }}

),

periods as (

    select * from {{ ref('championship_periods') }}

),

points_by_position as (

    select * from {{ ref('points_by_position') }}
    where session_type = 'race'

),

entry_cars as (

    select * from {{ ref('championship_entry_cars') }}

),

seasons as (

    select distinct season from races

),

-- The seasons in which record books score a constructor's engines apart: their entries have the constructors' rules.
seasons_of_entries as (

    select distinct season from entry_cars

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

race_points as (

    select
        points_system,
        max(position) as points_places,
        max(points) as points_of_win
    from points_by_position
    group by points_system

),

rules as (

    select
        seasons_of_rules.championship,
        seasons_of_rules.season,
        seasons_of_rules.rules_of_season,
        seasons_of_rules.season > seasons_of_rules.rules_of_season as is_assumed,
        periods.points_system,
        race_points.points_places,
        race_points.points_of_win,
        periods.scoring_cars,
        periods.shared_drives
    from seasons_of_rules
    inner join periods
        on seasons_of_rules.championship = periods.championship
        and seasons_of_rules.rules_of_season between periods.first_season and periods.last_season
    left join race_points
        on periods.points_system = race_points.points_system

),

final as (

    select * from rules

    union all

    select
        'entries' as championship,
        rules.season,
        rules.rules_of_season,
        rules.is_assumed,
        rules.points_system,
        rules.points_places,
        rules.points_of_win,
        rules.scoring_cars,
        rules.shared_drives
    from rules
    inner join seasons_of_entries
        on rules.season = seasons_of_entries.season
    where rules.championship = 'constructors'

)

select * from final
