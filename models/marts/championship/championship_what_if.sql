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
        season,
        points_system,
        competitor_id as driver_id,
        is_system_of_season,
        points,
        cast(
            row_number() over (
                partition by season, points_system
                order by
                    is_excluded asc, points desc, places_1_to_18 desc, places_19_to_36 desc, championship_position asc
            ) as integer
        ) as position,  -- noqa: RF04
        points_counted as actual_points,
        championship_position as actual_position
    from tables

)

select * from final
