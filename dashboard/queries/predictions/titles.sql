-- The last odds of a title that were written, with the points at that time.
with

forecasts as (

    select
        *,
        dense_rank() over (order by season desc, round desc, predicted_at desc, model_version desc) as recency
    from marts.fct_predictions
    where
        not is_backtest
        and target = 'title'

),

odds as (

    select * from forecasts
    where recency = 1

),

cars as (

    select
        fct_race_results.driver_id,
        fct_race_results.constructor_id,
        fct_race_results.constructor_name,
        row_number() over (partition by fct_race_results.driver_id order by fct_race_results.race_date desc) as recency
    from marts.fct_race_results
    inner join odds
        on fct_race_results.driver_id = odds.driver_id
        and fct_race_results.season = odds.season
        and fct_race_results.round < odds.round

),

standings as (

    select
        fct_driver_championship.driver_id,
        fct_driver_championship.points_counted,
        fct_driver_championship.championship_position,
        row_number() over (
            partition by fct_driver_championship.driver_id order by fct_driver_championship.round desc
        ) as recency
    from marts.fct_driver_championship
    inner join odds
        on fct_driver_championship.driver_id = odds.driver_id
        and fct_driver_championship.season = odds.season
        and fct_driver_championship.round < odds.round

)

select
    odds.season,
    odds.round,
    odds.race_name,
    odds.race_date,
    odds.driver_name,
    cars.constructor_id,
    cars.constructor_name,
    100 * odds.probability as probability_percent,
    100 * odds.baseline_probability as baseline_percent,
    odds.baseline,
    standings.points_counted,
    standings.championship_position,
    odds.is_before_race,
    odds.model,
    odds.model_version,
    odds.trained_through,
    odds.predicted_at
from odds
left join cars
    on odds.driver_id = cars.driver_id
    and cars.recency = 1
left join standings
    on odds.driver_id = standings.driver_id
    and standings.recency = 1
order by odds.probability desc, standings.championship_position asc, odds.driver_name asc
