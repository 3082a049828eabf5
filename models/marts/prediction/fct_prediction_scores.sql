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

of_what_happened as (

    select
        *,
        case when outcome = 1 then forecast else 1 - forecast end as forecast_of_outcome
    from forecasts

),

losses as (

    select
        *,
        cast(
            -ln(
                least(
                    greatest(forecast_of_outcome, {{ var('probability_clip') }}),
                    1 - {{ var('probability_clip') }}
                )
            ) as decimal(20, 9)
        ) as log_loss,
        cast((1 - forecast_of_outcome) * (1 - forecast_of_outcome) as decimal(20, 9)) as brier
    from of_what_happened

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
        cast(count(*) as integer) as forecasts,
        cast(count(distinct race_id) as integer) as races,
        cast(sum(outcome) as integer) as outcomes,
        {{ ratio('sum(log_loss)', 'count(*)', 'decimal(9, 6)') }} as log_loss,
        {{ ratio(
            'sum(case when outcome = 1 then log_loss else 0 end)', 'sum(outcome)', 'decimal(9, 6)'
        ) }} as log_loss_of_outcomes,
        {{ ratio('sum(brier)', 'count(*)', 'decimal(9, 6)') }} as brier_score
    from losses
    group by is_backtest, model, model_version, forecaster, season, known_at, target

)

select * from final
