-- In which stints of 45 or more green laps did the lap times fall the most?
--
-- | place | season | race_name | driver_name | laps | green_laps | slope_ms_per_lap |
-- |---|---|---|---|---|---|---|
-- | 1 | 2018 | Abu Dhabi Grand Prix | Charles Leclerc | 48 | 47 | -103.6 |
-- | 2 | 2018 | Abu Dhabi Grand Prix | Romain Grosjean | 47 | 46 | -91.8 |
-- | 3 | 2016 | Russian Grand Prix | Esteban Gutiérrez | 51 | 47 | -84.3 |
-- | 4 | 2013 | Indian Grand Prix | Romain Grosjean | 47 | 46 | -83.3 |
-- | 5 | 2024 | Monaco Grand Prix | George Russell | 77 | 72 | -79.0 |
with

long_stints as (

    select * from {{ ref('fct_stints') }}
    where green_laps >= 45 and not is_slope_unusual

),

ranked as (

    select
        rank() over (order by slope_ms_per_lap asc) as place,
        season,
        race_name,
        driver_name,
        laps,
        green_laps,
        slope_ms_per_lap
    from long_stints

)

select * from ranked
where place <= 5
order by place asc, season asc
