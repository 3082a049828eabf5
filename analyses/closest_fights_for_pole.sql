-- Which fights for pole were the closest, in milliseconds?
--
-- | season | race_name | second_name | gap_to_pole_ms |
-- |---|---|---|---|
-- | 2024 | Canadian Grand Prix | Max Verstappen | 0 |
-- | 2006 | Italian Grand Prix | Michael Schumacher | 2 |
-- | 2010 | German Grand Prix | Fernando Alonso | 2 |
-- | 1994 | British Grand Prix | Michael Schumacher | 3 |
-- | 2000 | British Grand Prix | Heinz-Harald Frentzen | 3 |
-- | 2023 | Hungarian Grand Prix | Max Verstappen | 3 |
with

gaps as (

    select * from {{ ref('fct_qualifying_gaps') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

seconds as (

    select
        gaps.season,
        races.race_name,
        drivers.driver_name as second_name,
        gaps.gap_to_pole_ms
    from gaps
    inner join races
        on gaps.race_id = races.race_id
    inner join drivers
        on gaps.driver_id = drivers.driver_id
    where gaps.qualifying_position = 2

)

select * from seconds
order by gap_to_pole_ms asc nulls last, season asc, race_name asc
limit 6
