{{ config(materialized='by_season') }}

with

what_if_points as (

    select * from {{ ref('fct_what_if_points') }}
    where {{ in_changed_seasons() }}

),

standings as (

    select * from {{ ref('int_championship__standings') }}
    where championship = 'drivers' and is_latest_of_season and {{ in_changed_seasons() }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

season_points as (

    select
        season,
        points_system,
        driver_id,
        sum(points) as points
    from what_if_points
    group by season, points_system, driver_id

),

systems as (

    select distinct
        season,
        points_system,
        is_system_of_season
    from what_if_points

),

-- Drivers who would not have scored are in the table as well.
tables as (

    select
        standings.*,
        systems.points_system,
        systems.is_system_of_season,
        cast(coalesce(season_points.points, 0) as decimal(8, 2)) as points
    from standings
    inner join systems
        on standings.season = systems.season
    left join season_points
        on standings.season = season_points.season
        and standings.competitor_id = season_points.driver_id
        and systems.points_system = season_points.points_system

),

final as (

    select
        tables.season,
        tables.points_system,
        tables.competitor_id as driver_id,
        drivers.driver_name,
        tables.is_system_of_season,
        tables.points,
        cast(
            row_number() over (
                partition by tables.season, tables.points_system
                order by
                    tables.is_excluded asc,
                    tables.points desc,
                    tables.places_1_to_18 desc,
                    tables.places_19_to_36 desc,
                    tables.championship_position asc
            ) as integer
        ) as position,  -- noqa: RF04
        tables.points_counted as actual_points,
        tables.championship_position as actual_position
    from tables
    left join drivers
        on tables.competitor_id = drivers.driver_id

)

select * from final
