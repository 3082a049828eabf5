-- Which titles would another competitor have won if every result counted?
-- Four. Hill would have beaten Surtees in 1964, Prost Senna in 1988, and BRM Ferrari in 1964 and Lotus in 1965.
--
-- | championship | season | champion | champion_points | champion_points_of_all_results | champion_by_all_results | other_points | other_points_of_all_results |
-- |---|---|---|---|---|---|---|---|
-- | constructors | 1964 | Ferrari | 45.00 | 49.00 | BRM | 42.00 | 51.00 |
-- | constructors | 1965 | Lotus-Climax | 54.00 | 58.00 | BRM | 45.00 | 61.00 |
-- | drivers | 1964 | Surtees | 40.00 | 40.00 | Hill | 39.00 | 41.00 |
-- | drivers | 1988 | Senna | 90.00 | 94.00 | Prost | 87.00 | 105.00 |
with

drivers_championship as (

    select * from {{ ref('fct_driver_championship') }}
    where is_latest_of_season and not is_excluded

),

constructors_championship as (

    select * from {{ ref('fct_constructor_championship') }}
    where is_latest_of_season and not is_excluded

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

tables as (

    select
        'drivers' as championship,
        drivers_championship.season,
        drivers.family_name as competitor,
        drivers_championship.points_gross + drivers_championship.points_adjustment as points_of_all_results,
        drivers_championship.points_counted,
        drivers_championship.championship_position,
        drivers_championship.is_champion
    from drivers_championship
    inner join drivers
        on drivers_championship.driver_id = drivers.driver_id

    union all

    select
        'constructors' as championship,
        constructors_championship.season,
        constructors.constructor_name as competitor,
        constructors_championship.points_gross + constructors_championship.points_adjustment as points_of_all_results,
        constructors_championship.points_counted,
        constructors_championship.championship_position,
        constructors_championship.is_champion
    from constructors_championship
    inner join constructors
        on constructors_championship.constructor_id = constructors.constructor_id

),

ranked as (

    select
        *,
        row_number() over (
            partition by championship, season
            order by points_of_all_results desc, championship_position asc
        ) as position_by_all_results
    from tables

)

select
    champions.championship,
    champions.season,
    champions.competitor as champion,
    champions.points_counted as champion_points,
    champions.points_of_all_results as champion_points_of_all_results,
    leaders.competitor as champion_by_all_results,
    leaders.points_counted as other_points,
    leaders.points_of_all_results as other_points_of_all_results
from ranked as champions
inner join ranked as leaders
    on champions.championship = leaders.championship
    and champions.season = leaders.season
    and leaders.position_by_all_results = 1
where
    champions.is_champion
    and champions.position_by_all_results > 1
order by champions.championship asc, champions.season asc
