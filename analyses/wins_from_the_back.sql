-- Who won from the furthest back on the grid?
--
-- | place | season | race_name | driver_name | grid_position |
-- |---|---|---|---|---|
-- | 1 | 1983 | United States Grand Prix West | John Watson | 22 |
-- | 2 | 1954 | Indianapolis 500 | Bill Vukovich | 19 |
-- | 3 | 2000 | German Grand Prix | Rubens Barrichello | 18 |
-- | 4 | 1982 | Detroit Grand Prix | John Watson | 17 |
-- | 4 | 2005 | Japanese Grand Prix | Kimi Räikkönen | 17 |
-- | 4 | 2024 | São Paulo Grand Prix | Max Verstappen | 17 |
with

wins as (

    select * from {{ ref('fct_race_results') }}
    where is_win

),

ranked as (

    select
        rank() over (order by grid_position desc nulls last) as place,
        season,
        race_name,
        driver_name,
        grid_position
    from wins

)

select * from ranked
where place <= 5
order by place asc, season asc
