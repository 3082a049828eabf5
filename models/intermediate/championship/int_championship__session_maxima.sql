with

races as (

    select * from {{ ref('int_championship__races') }}

),

rules as (

    select * from {{ ref('int_championship__rules') }}

),

points_systems as (

    select * from {{ ref('points_systems') }}

),

points_by_position as (

    select * from {{ ref('points_by_position') }}

),

-- A win; for constructors of whom every car scores, the first two places.
best_places as (

    select
        rules.championship,
        rules.season,
        points_by_position.session_type,
        sum(points_by_position.points) as points
    from rules
    inner join points_by_position
        on rules.points_system = points_by_position.points_system
    where
        points_by_position.position = 1
        or (points_by_position.position = 2 and rules.championship <> 'drivers' and rules.scoring_cars = 'all')
    group by rules.championship, rules.season, points_by_position.session_type

),

final as (

    select
        rules.championship,
        races.race_id,
        races.season,
        races.round,
        best_places.session_type,
        cast(
            case
                when best_places.session_type = 'sprint' then best_places.points
                -- Nobody knows beforehand that a race will be stopped.
                when races.is_factor_known_before
                    then best_places.points * races.points_factor + points_systems.fastest_lap_points
                else best_places.points + points_systems.fastest_lap_points
            end as decimal(8, 2)
        ) as points_at_most
    from races
    inner join rules
        on races.season = rules.season
        and (rules.championship = 'drivers' or races.is_counted_for_constructors)
    inner join points_systems
        on rules.points_system = points_systems.points_system
    inner join best_places
        on rules.championship = best_places.championship
        and rules.season = best_places.season
        and (best_places.session_type = 'race' or races.is_sprint_weekend)

)

select * from final
