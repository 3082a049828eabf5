-- Which fights for pole were the closest, in milliseconds?
--
-- | place | season | race_name | second_name | gap_to_pole_ms |
-- |---|---|---|---|---|
-- | 1 | 2024 | Canadian Grand Prix | Max Verstappen | 0 |
-- | 2 | 2006 | Italian Grand Prix | Michael Schumacher | 2 |
-- | 2 | 2010 | German Grand Prix | Fernando Alonso | 2 |
-- | 4 | 1994 | British Grand Prix | Michael Schumacher | 3 |
-- | 4 | 2000 | British Grand Prix | Heinz-Harald Frentzen | 3 |
-- | 4 | 2023 | Hungarian Grand Prix | Max Verstappen | 3 |
with

seconds as (

    select * from {{ ref('fct_qualifying_gaps') }}
    where qualifying_position = 2

),

ranked as (

    select
        rank() over (order by gap_to_pole_ms asc nulls last) as place,
        season,
        race_name,
        driver_name as second_name,
        gap_to_pole_ms
    from seconds

)

select * from ranked
where place <= 5
order by place asc, season asc, race_name asc
