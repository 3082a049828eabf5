-- In which stints of 45 or more green laps did the lap times fall the most?
--
-- | season | race_name | driver_name | laps | green_laps | slope_ms_per_lap |
-- |---|---|---|---|---|---|
-- | 2018 | Abu Dhabi Grand Prix | Charles Leclerc | 48 | 47 | -103.6 |
-- | 2022 | Australian Grand Prix | Alexander Albon | 57 | 45 | -99.9 |
-- | 2018 | Abu Dhabi Grand Prix | Romain Grosjean | 47 | 46 | -91.8 |
-- | 2016 | Russian Grand Prix | Esteban Gutiérrez | 51 | 47 | -84.3 |
-- | 2013 | Indian Grand Prix | Romain Grosjean | 47 | 46 | -83.3 |
with

stints as (

    select * from {{ ref('fct_stints') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

long_stints as (

    select
        stints.season,
        races.race_name,
        drivers.driver_name,
        stints.laps,
        stints.green_laps,
        stints.slope_ms_per_lap
    from stints
    inner join races
        on stints.race_id = races.race_id
    inner join drivers
        on stints.driver_id = drivers.driver_id
    where stints.green_laps >= 45

)

select * from long_stints
order by slope_ms_per_lap asc
limit 5
