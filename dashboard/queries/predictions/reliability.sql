-- Of the forecasts of each tenth of probability: the mean probability, and how often it happened. The error of a forecaster is
-- the mean distance between both, in percentage points.
with

bins as (

    select
        model,
        forecaster,
        is_baseline,
        bin,
        sum(forecasts) as forecasts,
        sum(outcomes) as outcomes,
        100.0 * sum(mean_probability * forecasts) / sum(forecasts) as predicted_percent,
        100.0 * sum(outcomes) / sum(forecasts) as happened_percent
    from marts.fct_prediction_calibration
    where
        is_backtest = :is_backtest
        and known_at = :known_at
        and target = :target
        and season between :first_season and :last_season
    group by model, forecaster, is_baseline, bin

)

select
    model,
    forecaster,
    is_baseline,
    bin,
    cast(forecasts as integer) as forecasts,
    cast(outcomes as integer) as outcomes,
    cast(predicted_percent as decimal(5, 2)) as predicted_percent,
    cast(happened_percent as decimal(5, 2)) as happened_percent,
    cast(
        sum(forecasts * abs(predicted_percent - happened_percent)) over (partition by model, is_baseline)
        / sum(forecasts) over (partition by model, is_baseline) as decimal(5, 2)
    ) as mean_error
from bins
order by model, is_baseline, bin
