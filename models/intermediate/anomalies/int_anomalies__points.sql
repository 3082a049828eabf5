with

results as (

    select * from {{ ref('stg_ergast__results') }}

),

sprint_results as (

    select * from {{ ref('stg_ergast__sprint_results') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

constructor_results as (

    select * from {{ ref('stg_ergast__constructor_results') }}

),

driver_standings as (

    select * from {{ ref('stg_ergast__driver_standings') }}

),

constructor_standings as (

    select * from {{ ref('stg_ergast__constructor_standings') }}

),

season_results as (

    select
        results.race_id,
        results.constructor_id,
        results.points,
        races.season
    from results
    inner join races
        on results.race_id = races.race_id

),

sprint_points as (

    select
        race_id,
        constructor_id,
        sum(points) as points
    from sprint_results
    group by race_id, constructor_id

),

race_points as (

    select
        race_id,
        constructor_id,
        season,
        sum(points) as points
    from season_results
    group by race_id, constructor_id, season

),

points_without_sprint as (

    select
        constructor_results.constructor_result_id,
        constructor_results.race_id,
        race_points.season,
        constructor_results.points as source_points,
        race_points.points + sprint_points.points as full_points
    from constructor_results
    inner join race_points
        on constructor_results.race_id = race_points.race_id
        and constructor_results.constructor_id = race_points.constructor_id
    inner join sprint_points
        on constructor_results.race_id = sprint_points.race_id
        and constructor_results.constructor_id = sprint_points.constructor_id
    where
        sprint_points.points > 0
        and constructor_results.points = race_points.points

),

standings_without_position as (

    select
        driver_standings.driver_standing_id,
        driver_standings.race_id,
        races.season,
        driver_standings.position_text
    from driver_standings
    inner join races
        on driver_standings.race_id = races.race_id
    where driver_standings.position is null

),

-- Constructors have a table from 1958 on: from then the source has their results.
scored_races as (

    select
        'driver_standings' as source_table,
        race_id
    from results
    group by race_id

    union all

    select
        'constructor_standings' as source_table,
        race_id
    from constructor_results
    group by race_id

),

races_with_standings as (

    select
        'driver_standings' as source_table,
        race_id
    from driver_standings
    group by race_id

    union all

    select
        'constructor_standings' as source_table,
        race_id
    from constructor_standings
    group by race_id

),

races_without_standings as (

    select
        scored_races.source_table,
        scored_races.race_id,
        races.season
    from scored_races
    inner join races
        on scored_races.race_id = races.race_id
    left join races_with_standings
        on scored_races.source_table = races_with_standings.source_table
        and scored_races.race_id = races_with_standings.race_id
    where races_with_standings.race_id is null

),

excluded_drivers as (

    select
        driver_standings.driver_standing_id,
        driver_standings.race_id,
        races.season,
        driver_standings.position,
        driver_standings.position_text
    from driver_standings
    inner join races
        on driver_standings.race_id = races.race_id
    where
        driver_standings.position_text in ('D', 'E')
        and driver_standings.position is not null

),

excluded_constructors as (

    select
        constructor_standings.constructor_standing_id,
        constructor_standings.race_id,
        races.season,
        constructor_standings.position,
        constructor_standings.position_text
    from constructor_standings
    inner join races
        on constructor_standings.race_id = races.race_id
    where
        constructor_standings.position_text in ('D', 'E')
        and constructor_standings.position is not null

),

unioned as (

    select
        {{ anomaly(
            'sprint_points_left_out', 'constructor_results', ['constructor_result_id'],
            seen='{source_points} points',
            expected='{full_points} points with the sprint'
        ) }}
    from points_without_sprint

    union all

    select
        {{ anomaly(
            'standing_without_position', 'driver_standings', ['driver_standing_id'],
            seen='text {position_text}',
            expected='no position: all points taken away or none to rank'
        ) }}
    from standings_without_position

    union all

    select
        {{ anomaly(
            'standings_missing', '{source_table}', ['race_id'],
            seen='no table after a race with results',
            expected='a table, which the championship marts compute'
        ) }}
    from races_without_standings

    union all

    select
        {{ anomaly(
            'position_of_excluded', 'driver_standings', ['driver_standing_id'],
            seen='position {position}, text {position_text}',
            expected='excluded: no position'
        ) }}
    from excluded_drivers

    union all

    select
        {{ anomaly(
            'position_of_excluded', 'constructor_standings', ['constructor_standing_id'],
            seen='position {position}, text {position_text}',
            expected='excluded: no position'
        ) }}
    from excluded_constructors

)

select * from unioned
