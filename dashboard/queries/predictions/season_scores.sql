-- By how much the log loss of a model was below that of its baseline, season by season. Above zero: the model is better.
select
    models.season,
    models.model,
    baselines.forecaster as baseline,
    models.races,
    models.forecasts,
    models.log_loss,
    baselines.log_loss as baseline_log_loss,
    baselines.log_loss - models.log_loss as better_by
from marts.fct_prediction_scores as models
inner join marts.fct_prediction_scores as baselines
    on models.is_backtest = baselines.is_backtest
    and models.model = baselines.model
    and models.model_version = baselines.model_version
    and models.season = baselines.season
    and models.known_at = baselines.known_at
    and models.target = baselines.target
where
    not models.is_baseline
    and baselines.is_baseline
    and models.is_backtest = :is_backtest
    and models.known_at = :known_at
    and models.target = :target
    and models.season between :first_season and :last_season
order by models.model, models.season
