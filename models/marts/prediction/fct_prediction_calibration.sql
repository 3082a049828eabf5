with

predictions as (

    select * from {{ ref('fct_predictions') }}
    where is_scored

),

-- Each forecast as the model gave it and as its baseline did, so that both are measured on the same cars.
forecasts as (

    select
        *,
        model as forecaster,
        probability as forecast
    from predictions
    union all
    select
        *,
        baseline as forecaster,
        baseline_probability as forecast
    from predictions

),

-- Probability 1 is in the last bin.
binned as (

    select
        *,
        cast(
            least(floor(forecast * {{ var('calibration_bins') }}), {{ var('calibration_bins') }} - 1) as integer
        ) as bin
    from forecasts

),

final as (

    select
        is_backtest,
        model,
        model_version,
        forecaster,
        forecaster <> model as is_baseline,
        season,
        known_at,
        target,
        bin,
        cast(count(*) as integer) as forecasts,
        cast(sum(outcome) as integer) as outcomes,
        {{ ratio('sum(forecast)', 'count(*)', 'decimal(7, 6)') }} as mean_probability,
        {{ ratio('sum(outcome)', 'count(*)', 'decimal(7, 6)') }} as outcome_rate
    from binned
    group by is_backtest, model, model_version, forecaster, season, known_at, target, bin

)

select * from final
