-- The model and its baseline on the same cars: mean log loss and Brier score. Lower is better.
with

scores as (

    select * from marts.fct_prediction_scores
    where
        is_backtest = :is_backtest
        and season between :first_season and :last_season

),

totals as (

    select
        known_at,
        target,
        model,
        is_baseline,
        max(forecaster) as forecaster,
        min(season) as first_season,
        max(season) as last_season,
        sum(forecasts) as forecasts,
        sum(outcomes) as outcomes,
        sum(log_loss * forecasts) / sum(forecasts) as log_loss,
        sum(brier_score * forecasts) / sum(forecasts) as brier_score
    from scores
    group by known_at, target, model, is_baseline

)

select
    models.known_at,
    models.target,
    models.model,
    baselines.forecaster as baseline,
    models.first_season,
    models.last_season,
    cast(models.forecasts as integer) as forecasts,
    cast(models.outcomes as integer) as outcomes,
    cast(models.log_loss as decimal(9, 6)) as log_loss,
    cast(baselines.log_loss as decimal(9, 6)) as baseline_log_loss,
    cast(baselines.log_loss - models.log_loss as decimal(9, 6)) as better_by,
    -- A baseline that is always right has a log loss of almost 0.
    cast(
        round(100.0 * (baselines.log_loss - models.log_loss) / nullif(baselines.log_loss, 0), 1) as decimal(18, 1)
    ) as better_by_percent,
    cast(models.brier_score as decimal(9, 6)) as brier_score,
    cast(baselines.brier_score as decimal(9, 6)) as baseline_brier_score
from totals as models
inner join totals as baselines
    on models.known_at = baselines.known_at
    and models.target = baselines.target
    and models.model = baselines.model
    and baselines.is_baseline
where not models.is_baseline
order by
    models.known_at desc,
    position(models.target in 'win podium points classified title') asc,
    models.model desc
