-- The dump has no points of constructors in a race, so they are added up as Ergast does: the points of all cars, sprints
-- included, or those of the best car where the championship counts one a race (`team_points_per_session`). There a
-- fastest lap gave the constructor no point. Races that count for drivers only, such as Indianapolis, have no row.
with

scored as (

    select
        results.race_id,
        results.constructor_id,
        results.round_id,
        results.team_id,
        sessions.session_id,
        rounds.season_id,
        championshipsystem.team_points_per_session = '1' as is_best_car_only,
        try_cast(results.points as decimal(10, 4)) as points,
        case
            when pointsystem.driver_fastest_lap <> '0' and results.fastest_lap_rank = '1' then 1
            else 0
        end as points_of_fastest_lap
    from results
    inner join rounds
        on results.round_id = rounds.id
    inner join sessions
        on results.round_id = sessions.round_id
        and results.type = sessions.type
    inner join dump.season
        on rounds.season_id = season.id
    inner join dump.championshipsystem
        on season.championship_system_id = championshipsystem.id
    inner join dump.pointsystem
        on sessions.point_system_id = pointsystem.id
    where
        championshipsystem.team_best_results <> '0'
        and pointsystem.team_position_points <> '0'
        and results.team_id is not null

),

points_of_sessions as (

    select
        race_id,
        constructor_id,
        round_id,
        season_id,
        team_id,
        case
            when bool_or(is_best_car_only) then max(points - points_of_fastest_lap)
            else sum(points)
        end as points
    from scored
    group by race_id, constructor_id, round_id, season_id, team_id, session_id

),

points_of_rounds as (

    select
        race_id,
        constructor_id,
        round_id,
        season_id,
        team_id,
        sum(points) as points
    from points_of_sessions
    group by race_id, constructor_id, round_id, season_id, team_id

),

excluded as (

    select distinct
        season_id,
        team_id
    from dump.championshipadjustment
    where adjustment = '102'

),

known_results as (

    select
        cast(race_id as varchar) as race_id,
        cast(constructor_id as varchar) as constructor_id,
        min(constructor_results_id) as constructor_results_id
    from known.constructor_results
    group by race_id, constructor_id

)

select
    coalesce(
        known_results.constructor_results_id,
        new_id(cast(points_of_rounds.round_id as bigint) * 10000 + cast(points_of_rounds.team_id as bigint))
    ) as constructor_results_id,
    points_of_rounds.race_id,
    points_of_rounds.constructor_id,
    points_of_rounds.points,
    case when excluded.team_id is not null then 'D' end as status
from points_of_rounds
left join known_results
    on points_of_rounds.race_id = known_results.race_id
    and points_of_rounds.constructor_id = known_results.constructor_id
left join excluded
    on points_of_rounds.season_id = excluded.season_id
    and points_of_rounds.team_id = excluded.team_id
order by constructor_results_id
