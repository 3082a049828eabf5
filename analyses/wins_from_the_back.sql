-- Who won from the furthest back on the grid?
--
-- | season | race_name | driver_name | grid_position |
-- |---|---|---|---|
-- | 1983 | United States Grand Prix West | John Watson | 22 |
-- | 1954 | Indianapolis 500 | Bill Vukovich | 19 |
-- | 2000 | German Grand Prix | Rubens Barrichello | 18 |
-- | 1982 | Detroit Grand Prix | John Watson | 17 |
-- | 2005 | Japanese Grand Prix | Kimi Räikkönen | 17 |
with

results as (

    select * from {{ ref('fct_race_results') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

wins as (

    select
        results.season,
        races.race_name,
        drivers.driver_name,
        results.grid_position
    from results
    inner join races
        on results.race_id = races.race_id
    inner join drivers
        on results.driver_id = drivers.driver_id
    where results.is_win

)

select * from wins
order by grid_position desc nulls last, season asc
limit 5
