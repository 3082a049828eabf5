-- Which titles were the closest?
-- Lauda beat Prost by half a point in 1984. Twelve more drivers' titles were won by a point or two, the latest in 2008.
--
-- | place | season | champion | champion_points | runner_up | runner_up_points | margin | title_decided_in_round | rounds | margin_percent |
-- |---|---|---|---|---|---|---|---|---|---|
-- | 1 | 1984 | Niki Lauda | 72.00 | Alain Prost | 71.50 | 0.50 | 16 | 16 | 0.69 |
-- | 2 | 1958 | Mike Hawthorn | 42.00 | Stirling Moss | 41.00 | 1.00 | 11 | 11 | 2.38 |
-- | 2 | 1961 | Phil Hill | 34.00 | Wolfgang von Trips | 33.00 | 1.00 | 7 | 8 | 2.94 |
-- | 2 | 1964 | John Surtees | 40.00 | Graham Hill | 39.00 | 1.00 | 10 | 10 | 2.50 |
-- | 2 | 1976 | James Hunt | 69.00 | Niki Lauda | 68.00 | 1.00 | 16 | 16 | 1.45 |
-- | 2 | 1981 | Nelson Piquet | 50.00 | Carlos Reutemann | 49.00 | 1.00 | 15 | 15 | 2.00 |
-- | 2 | 1994 | Michael Schumacher | 92.00 | Damon Hill | 91.00 | 1.00 | 16 | 16 | 1.09 |
-- | 2 | 2007 | Kimi Räikkönen | 110.00 | Lewis Hamilton | 109.00 | 1.00 | 17 | 17 | 0.91 |
-- | 2 | 2008 | Lewis Hamilton | 98.00 | Felipe Massa | 97.00 | 1.00 | 18 | 18 | 1.02 |
-- | 10 | 1983 | Nelson Piquet | 59.00 | Alain Prost | 57.00 | 2.00 | 15 | 15 | 3.39 |
-- | 10 | 1986 | Alain Prost | 72.00 | Nigel Mansell | 70.00 | 2.00 | 16 | 16 | 2.78 |
-- | 10 | 1999 | Mika Häkkinen | 76.00 | Eddie Irvine | 74.00 | 2.00 | 16 | 16 | 2.63 |
-- | 10 | 2003 | Michael Schumacher | 93.00 | Kimi Räikkönen | 91.00 | 2.00 | 16 | 16 | 2.15 |
-- | 14 | 1950 | Nino Farina | 30.00 | Juan Fangio | 27.00 | 3.00 | 7 | 7 | 10.00 |
-- | 14 | 1956 | Juan Fangio | 30.00 | Stirling Moss | 27.00 | 3.00 | 8 | 8 | 10.00 |
-- | 14 | 1974 | Emerson Fittipaldi | 55.00 | Clay Regazzoni | 52.00 | 3.00 | 15 | 15 | 5.45 |
-- | 14 | 1988 | Ayrton Senna | 90.00 | Alain Prost | 87.00 | 3.00 | 15 | 16 | 3.33 |
-- | 14 | 2012 | Sebastian Vettel | 281.00 | Fernando Alonso | 278.00 | 3.00 | 20 | 20 | 1.07 |
with

final_tables as (

    select * from {{ ref('fct_driver_championship') }}
    where is_latest_of_season

),

titles as (

    select
        champions.season,
        champions.driver_name as champion,
        champions.points_counted as champion_points,
        runners_up.driver_name as runner_up,
        runners_up.points_counted as runner_up_points,
        runners_up.gap_to_leader as margin,
        champions.title_decided_in_round,
        champions.round as rounds
    from final_tables as champions
    inner join final_tables as runners_up
        on champions.season = runners_up.season
        and runners_up.championship_position = 2
    where champions.is_champion

),

ranked as (

    select
        rank() over (order by margin asc) as place,
        season,
        champion,
        champion_points,
        runner_up,
        runner_up_points,
        margin,
        title_decided_in_round,
        rounds,
        -- A win scored fewer points before 2010, so a share of the champion's points compares better.
        cast(100 * margin / champion_points as decimal(5, 2)) as margin_percent
    from titles

)

select * from ranked
where place <= 14
order by place asc, season asc
