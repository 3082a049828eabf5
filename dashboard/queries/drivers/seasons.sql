-- A driver's seasons, with their teams in the order of the races.
with

teams as (

    select
        season,
        constructor_id,
        constructor_name,
        count(distinct race_id) as races,
        min(round) as first_round
    from marts.fct_race_results
    where driver_id = :driver
    group by season, constructor_id, constructor_name

),

ranked as (

    select
        *,
        row_number() over (partition by season order by races desc, first_round asc, constructor_id asc) as team_rank
    from teams

),

team_names as (

    select
        season,
        string_agg(constructor_name, ', ' order by first_round, constructor_id) as teams,
        max(case when team_rank = 1 then constructor_id end) as main_constructor_id,
        max(case when team_rank = 1 then constructor_name end) as main_team
    from ranked
    group by season

)

select
    driver_seasons.season,
    team_names.teams,
    team_names.main_constructor_id as constructor_id,
    team_names.main_team as constructor_name,
    driver_seasons.starts,
    driver_seasons.wins,
    driver_seasons.podiums,
    driver_seasons.poles,
    driver_seasons.retirements,
    driver_seasons.points,
    driver_seasons.championship_position,
    driver_seasons.is_champion,
    driver_seasons.is_season_complete
from marts.driver_seasons
left join team_names
    on driver_seasons.season = team_names.season
where driver_seasons.driver_id = :driver
order by driver_seasons.season
