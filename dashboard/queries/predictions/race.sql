-- The last forecast of a race that was written, with the car of each driver.
with

forecasts as (

    select * from marts.fct_predictions
    where
        not is_backtest
        and season = :season
        and round = :round
        and circuit_ref = :circuit
        and known_at = :known_at
        and target = :target

),

last_forecast as (

    select
        *,
        dense_rank() over (order by predicted_at desc, model_version desc) as recency
    from forecasts

)

select
    last_forecast.race_name,
    last_forecast.race_date,
    last_forecast.driver_name,
    fct_race_features.constructor_id,
    fct_race_features.constructor_name,
    100 * last_forecast.probability as probability_percent,
    100 * last_forecast.baseline_probability as baseline_percent,
    last_forecast.baseline,
    last_forecast.outcome,
    last_forecast.is_before_race,
    last_forecast.is_scored,
    last_forecast.model,
    last_forecast.model_version,
    last_forecast.trained_through,
    last_forecast.predicted_at
from last_forecast
left join marts.fct_race_features
    on last_forecast.race_id = fct_race_features.race_id
    and last_forecast.driver_id = fct_race_features.driver_id
    and last_forecast.known_at = fct_race_features.known_at
where last_forecast.recency = 1
order by last_forecast.probability desc, last_forecast.driver_name asc
