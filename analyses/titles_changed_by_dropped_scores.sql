-- Which titles would another competitor have won if every result counted?
-- Four. Hill would have beaten Surtees in 1964, Prost Senna in 1988, and BRM Ferrari in 1964 and Lotus in 1965.
--
-- | championship | season | champion | champion_points | champion_points_of_all_results | champion_by_all_results | other_points | other_points_of_all_results |
-- |---|---|---|---|---|---|---|---|
-- | constructors | 1964 | Ferrari | 45.00 | 49.00 | BRM | 42.00 | 51.00 |
-- | constructors | 1965 | Lotus-Climax | 54.00 | 58.00 | BRM | 45.00 | 61.00 |
-- | drivers | 1964 | John Surtees | 40.00 | 40.00 | Graham Hill | 39.00 | 41.00 |
-- | drivers | 1988 | Ayrton Senna | 90.00 | 94.00 | Alain Prost | 87.00 | 105.00 |
with

drivers_championship as (

    select * from {{ ref('fct_driver_championship') }}
    where is_latest_of_season and not is_excluded

),

constructors_championship as (

    select * from {{ ref('fct_constructor_championship') }}
    where is_latest_of_season and not is_excluded

),

tables as (

    select
        'drivers' as championship,
        season,
        driver_name as competitor,
        points_gross + points_adjustment as points_of_all_results,
        points_counted,
        championship_position,
        is_champion
    from drivers_championship

    union all

    select
        'constructors' as championship,
        season,
        constructor_name as competitor,
        points_gross + points_adjustment as points_of_all_results,
        points_counted,
        championship_position,
        is_champion
    from constructors_championship

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
