-- What was forecast, newest first: a row for each race and moment, with its last writing.
select
    fct_predictions.season,
    fct_predictions.round,
    fct_predictions.circuit_ref,
    max(fct_predictions.race_name) as race_name,
    max(fct_predictions.race_date) as race_date,
    fct_predictions.known_at,
    max(fct_predictions.predicted_at) as predicted_at
from marts.fct_predictions
where
    not fct_predictions.is_backtest
    and fct_predictions.target <> 'title'
group by
    fct_predictions.season,
    fct_predictions.round,
    fct_predictions.circuit_ref,
    fct_predictions.known_at
order by
    fct_predictions.season desc,
    fct_predictions.round desc,
    max(fct_predictions.predicted_at) desc,
    fct_predictions.known_at asc
