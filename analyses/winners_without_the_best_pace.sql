-- Who won in 2023 without the best pace of the race?
--
-- | race_name | winner | median_pct_of_best | best_pace_of |
-- |---|---|---|---|
-- | Qatar Grand Prix | Max Verstappen | 100.959 | Lando Norris |
-- | Miami Grand Prix | Max Verstappen | 100.195 | Sergio Pérez |
-- | Bahrain Grand Prix | Max Verstappen | 100.154 | Sergio Pérez |
-- | Saudi Arabian Grand Prix | Sergio Pérez | 100.045 | Max Verstappen |
-- | Azerbaijan Grand Prix | Sergio Pérez | 100.024 | Max Verstappen |
with

race_pace as (

    select * from {{ ref('fct_race_pace') }}

),

results as (

    select * from {{ ref('fct_race_results') }}
    where is_win and season = 2023

),

best_pace as (

    select
        race_id,
        string_agg(driver_name, ', ' order by driver_name) as driver_names
    from race_pace
    where
        is_representative
        and median_pct_of_best = 100
    group by race_id

),

winners as (

    select
        results.race_name,
        results.driver_name as winner,
        race_pace.median_pct_of_best,
        best_pace.driver_names as best_pace_of
    from results
    inner join race_pace
        on results.race_id = race_pace.race_id
        and results.driver_id = race_pace.driver_id
    inner join best_pace
        on results.race_id = best_pace.race_id
    where race_pace.median_pct_of_best > 100

)

select * from winners
order by median_pct_of_best desc
