-- Who would have been champion in each season under the points of the latest one, with every result counted?
-- Seven titles change hands: 1964 Hill, 1976 Lauda, 1983, 1984 and 1988 Prost, 1994 Damon Hill, 1999 Irvine.
with

what_if as (

    select * from {{ ref('fct_championship_what_if') }}

),

drivers_championship as (

    select * from {{ ref('fct_driver_championship') }}
    where is_latest_of_season and is_champion

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

latest_season as (

    select max(season) as season
    from what_if

),

modern_system as (

    select distinct what_if.points_system
    from what_if
    inner join latest_season
        on what_if.season = latest_season.season
    where what_if.is_system_of_season

)

select
    what_if.season,
    what_if.points_system,
    modern.given_name || ' ' || modern.family_name as modern_champion,
    what_if.points as modern_points,
    actual.given_name || ' ' || actual.family_name as actual_champion,
    what_if.driver_id <> drivers_championship.driver_id as is_another
from what_if
inner join modern_system
    on what_if.points_system = modern_system.points_system
inner join drivers_championship
    on what_if.season = drivers_championship.season
inner join drivers as modern
    on what_if.driver_id = modern.driver_id
inner join drivers as actual
    on drivers_championship.driver_id = actual.driver_id
where what_if.position = 1
order by what_if.season asc
