with

careers as (

    select * from {{ ref('int_careers__careers') }}
    where championship = 'constructors'

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

final as (

    select
        careers.competitor_id as constructor_id,
        constructors.constructor_name,
        careers.seasons,
        careers.first_season,
        careers.last_season,
        careers.entries,
        careers.starts,
        careers.car_entries,
        careers.car_starts,
        careers.classified_finishes,
        careers.finishes,
        careers.retirements,
        careers.accident_retirements,
        careers.mechanical_retirements,
        careers.disqualifications,
        careers.titles,
        careers.wins,
        careers.podiums,
        careers.podium_places,
        careers.poles,
        careers.fastest_laps,
        careers.fastest_laps_at_least,
        careers.races_with_fastest_lap,
        careers.sprint_starts,
        careers.sprint_wins,
        careers.points,
        careers.points_gross,
        careers.best_championship_position,
        careers.best_finish,
        careers.best_grid,
        careers.laps_completed,
        careers.laps_led,
        careers.laps_led_at_least,
        careers.races_with_laps,
        careers.first_race_id,
        first_races.race_name as first_race_name,
        first_races.race_date as first_race_date,
        careers.last_race_id,
        last_races.race_name as last_race_name,
        last_races.race_date as last_race_date,
        careers.first_win_race_id,
        first_wins.race_name as first_win_race_name,
        first_wins.race_date as first_win_race_date,
        careers.first_title_season,
        careers.indianapolis_500_starts,
        careers.indianapolis_500_wins,
        careers.indianapolis_500_podiums,
        careers.indianapolis_500_poles
    from careers
    left join constructors
        on careers.competitor_id = constructors.constructor_id
    left join races as first_races
        on careers.first_race_id = first_races.race_id
    left join races as last_races
        on careers.last_race_id = last_races.race_id
    left join races as first_wins
        on careers.first_win_race_id = first_wins.race_id

)

select * from final
