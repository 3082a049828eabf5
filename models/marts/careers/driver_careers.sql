with

careers as (

    select * from {{ ref('int_careers__careers') }}
    where championship = 'drivers'

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

seasons as (

    select * from {{ ref('dim_seasons') }}

),

final as (

    select
        careers.competitor_id as driver_id,
        drivers.driver_name,
        careers.seasons,
        careers.first_season,
        careers.last_season,
        careers.entries,
        careers.starts,
        careers.classified_finishes,
        careers.finishes,
        careers.retirements,
        careers.accident_retirements,
        careers.mechanical_retirements,
        careers.disqualifications,
        careers.titles,
        careers.wins,
        careers.podiums,
        careers.poles,
        careers.fastest_laps,
        careers.fastest_laps_at_least,
        careers.races_with_fastest_lap,
        careers.sprint_starts,
        careers.sprint_wins,
        cast(careers.points as decimal(8, 2)) as points,
        cast(careers.points_gross as decimal(8, 2)) as points_gross,
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
        {{ age_in_years('drivers.date_of_birth', 'first_races.race_date') }} as age_at_first_race,
        {{ age_in_years('drivers.date_of_birth', 'first_wins.race_date') }} as age_at_first_win,
        {{ age_in_years('drivers.date_of_birth', 'seasons.last_race_date') }} as age_at_first_title,
        careers.indianapolis_500_starts,
        careers.indianapolis_500_wins,
        careers.indianapolis_500_podiums,
        careers.indianapolis_500_poles
    from careers
    inner join drivers
        on careers.competitor_id = drivers.driver_id
    left join races as first_races
        on careers.first_race_id = first_races.race_id
    left join races as first_wins
        on careers.first_win_race_id = first_wins.race_id
    left join seasons
        on careers.first_title_season = seasons.season
    left join races as last_races
        on careers.last_race_id = last_races.race_id

)

select * from final
