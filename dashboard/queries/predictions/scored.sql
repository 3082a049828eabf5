-- What has been scored: backtests and forecasts, each with its seasons.
select
    is_backtest,
    target,
    known_at,
    min(season) as first_season,
    max(season) as last_season
from marts.fct_prediction_scores
group by is_backtest, target, known_at
order by is_backtest, target, known_at
