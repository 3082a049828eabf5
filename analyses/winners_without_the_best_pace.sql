-- Who won in 2023 without the best pace of the race?
--
-- | race_name | winner | median_pct_of_best | best_pace_of |
-- |---|---|---|---|
-- | Qatar Grand Prix | Max Verstappen | 100.959 | Lando Norris |
-- | Miami Grand Prix | Max Verstappen | 100.195 | Sergio Pérez |
-- | Bahrain Grand Prix | Max Verstappen | 100.182 | Sergio Pérez |
-- | Saudi Arabian Grand Prix | Sergio Pérez | 100.045 | Max Verstappen |
-- | Azerbaijan Grand Prix | Sergio Pérez | 100.024 | Max Verstappen |
with

race_pace as (

    select * from {{ ref('fct_race_pace') }}

),

results as (

    select * from {{ ref('fct_race_results') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

best_pace as (

    select
        race_pace.race_id,
        min(drivers.driver_name) as driver_name
    from race_pace
    inner join drivers
        on race_pace.driver_id = drivers.driver_id
    where
        race_pace.is_representative
        and race_pace.median_pct_of_best = 100
    group by race_pace.race_id

),

winners as (

    select
        races.race_name,
        drivers.driver_name as winner,
        race_pace.median_pct_of_best,
        best_pace.driver_name as best_pace_of
    from results
    inner join race_pace
        on results.race_id = race_pace.race_id
        and results.driver_id = race_pace.driver_id
    inner join best_pace
        on results.race_id = best_pace.race_id
    inner join races
        on results.race_id = races.race_id
    inner join drivers
        on results.driver_id = drivers.driver_id
    where
        results.is_win
        and results.season = 2023
        and race_pace.median_pct_of_best > 100

)

select * from winners
order by median_pct_of_best desc
