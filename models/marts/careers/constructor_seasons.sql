{{ config(materialized='by_season') }}

with

seasons as (

    select * from {{ ref('int_careers__seasons') }}
    where championship = 'constructors' and {{ in_changed_seasons() }}

),

constructor_teams as (

    select * from {{ ref('int_careers__constructor_teams') }}

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
        seasons.season,
        seasons.competitor_id as constructor_id,
        constructors.constructor_name,
        constructor_teams.team_ref,
        constructor_teams.team_name,
        constructor_teams.lineage_ref,
        constructor_teams.lineage_name,
        seasons.is_season_complete,
        seasons.partners as drivers,
        seasons.entries,
        seasons.starts,
        seasons.car_entries,
        seasons.car_starts,
        seasons.classified_finishes,
        seasons.finishes,
        seasons.retirements,
        seasons.accident_retirements,
        seasons.mechanical_retirements,
        seasons.disqualifications,
        seasons.wins,
        seasons.podiums,
        seasons.podium_places,
        seasons.poles,
        seasons.fastest_laps,
        seasons.fastest_laps_at_least,
        seasons.races_with_fastest_lap,
        seasons.sprint_starts,
        seasons.sprint_wins,
        seasons.points,
        seasons.points_gross,
        seasons.championship_position,
        seasons.is_champion,
        seasons.best_finish,
        seasons.best_grid,
        seasons.laps_completed,
        seasons.laps_led,
        seasons.laps_led_at_least,
        seasons.races_with_laps,
        seasons.first_race_id,
        first_races.race_name as first_race_name,
        first_races.race_date as first_race_date,
        seasons.last_race_id,
        last_races.race_name as last_race_name,
        last_races.race_date as last_race_date,
        seasons.first_win_race_id,
        first_wins.race_name as first_win_race_name,
        first_wins.race_date as first_win_race_date,
        seasons.indianapolis_500_starts,
        seasons.indianapolis_500_wins,
        seasons.indianapolis_500_podiums,
        seasons.indianapolis_500_poles
    from seasons
    left join constructor_teams
        on seasons.season = constructor_teams.season
        and seasons.competitor_id = constructor_teams.constructor_id
    left join constructors
        on seasons.competitor_id = constructors.constructor_id
    left join races as first_races
        on seasons.first_race_id = first_races.race_id
    left join races as last_races
        on seasons.last_race_id = last_races.race_id
    left join races as first_wins
        on seasons.first_win_race_id = first_wins.race_id

)

select * from final
