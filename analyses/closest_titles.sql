-- Which titles were the closest?
-- Lauda beat Prost by half a point in 1984. Twelve more drivers' titles were won by a point or two, the latest in 2008.
--
-- | season | champion | champion_points | runner_up | runner_up_points | margin | title_decided_in_round | rounds | margin_percent |
-- |---|---|---|---|---|---|---|---|---|
-- | 1984 | Lauda | 72.00 | Prost | 71.50 | 0.50 | 16 | 16 | 0.69 |
-- | 1958 | Hawthorn | 42.00 | Moss | 41.00 | 1.00 | 11 | 11 | 2.38 |
-- | 1961 | Hill | 34.00 | von Trips | 33.00 | 1.00 | 7 | 8 | 2.94 |
-- | 1964 | Surtees | 40.00 | Hill | 39.00 | 1.00 | 10 | 10 | 2.50 |
-- | 1976 | Hunt | 69.00 | Lauda | 68.00 | 1.00 | 16 | 16 | 1.45 |
-- | 1981 | Piquet | 50.00 | Reutemann | 49.00 | 1.00 | 15 | 15 | 2.00 |
-- | 1994 | Schumacher | 92.00 | Hill | 91.00 | 1.00 | 16 | 16 | 1.09 |
-- | 2007 | Räikkönen | 110.00 | Hamilton | 109.00 | 1.00 | 17 | 17 | 0.91 |
-- | 2008 | Hamilton | 98.00 | Massa | 97.00 | 1.00 | 18 | 18 | 1.02 |
-- | 1983 | Piquet | 59.00 | Prost | 57.00 | 2.00 | 15 | 15 | 3.39 |
-- | 1986 | Prost | 72.00 | Mansell | 70.00 | 2.00 | 16 | 16 | 2.78 |
-- | 1999 | Häkkinen | 76.00 | Irvine | 74.00 | 2.00 | 16 | 16 | 2.63 |
-- | 2003 | Schumacher | 93.00 | Räikkönen | 91.00 | 2.00 | 16 | 16 | 2.15 |
-- | 1950 | Farina | 30.00 | Fangio | 27.00 | 3.00 | 7 | 7 | 10.00 |
-- | 1956 | Fangio | 30.00 | Moss | 27.00 | 3.00 | 8 | 8 | 10.00 |
with

drivers_championship as (

    select * from {{ ref('fct_driver_championship') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

final_tables as (

    select
        drivers_championship.*,
        drivers.family_name
    from drivers_championship
    inner join drivers
        on drivers_championship.driver_id = drivers.driver_id
    where drivers_championship.is_latest_of_season

),

titles as (

    select
        champions.season,
        champions.family_name as champion,
        champions.points_counted as champion_points,
        runners_up.family_name as runner_up,
        runners_up.points_counted as runner_up_points,
        runners_up.gap_to_leader as margin,
        champions.title_decided_in_round,
        champions.round as rounds
    from final_tables as champions
    inner join final_tables as runners_up
        on champions.season = runners_up.season
        and runners_up.championship_position = 2
    where champions.is_champion

)

select
    *,
    -- A win scored fewer points before 2010, so a share of the champion's points compares better.
    cast(100 * margin / champion_points as decimal(5, 2)) as margin_percent
from titles
order by margin asc, season asc
limit 15
