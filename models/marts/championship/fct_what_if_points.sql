{{ config(materialized='by_season', meta={'key_has_index': false}) }}

with

points_by_system as (

    select * from {{ ref('int_championship__points_by_system') }}
    where {{ in_changed_seasons() }}

),

rules as (

    select * from {{ ref('int_championship__rules') }}
    where championship = 'drivers' and {{ in_changed_seasons() }}

),

periods as (

    select * from {{ ref('championship_periods') }}
    where championship = 'drivers'

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

systems_of_drivers as (

    select distinct points_system from periods

),

race_points as (

    select
        points_by_system.season,
        points_by_system.round,
        points_by_system.points_system,
        points_by_system.driver_id,
        points_by_system.race_id,
        points_by_system.points_system = rules.points_system as is_system_of_season,
        cast(sum(points_by_system.points) as decimal(8, 2)) as points
    from points_by_system
    inner join systems_of_drivers
        on points_by_system.points_system = systems_of_drivers.points_system
    inner join rules
        on points_by_system.season = rules.season
    group by
        points_by_system.season,
        points_by_system.round,
        points_by_system.points_system,
        points_by_system.driver_id,
        points_by_system.race_id,
        rules.points_system

),

final as (

    select
        race_points.season,
        race_points.round,
        race_points.points_system,
        race_points.driver_id,
        drivers.driver_name,
        race_points.race_id,
        races.race_name,
        races.race_date,
        race_points.is_system_of_season,
        race_points.points
    from race_points
    left join drivers
        on race_points.driver_id = drivers.driver_id
    left join races
        on race_points.race_id = races.race_id

)

select * from final
