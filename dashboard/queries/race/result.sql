select
    results.position_text,
    results.driver_name,
    results.constructor_id,
    results.constructor_name,
    results.grid,
    results.grid_position,
    results.laps_completed,
    results.race_time_ms,
    results.gap_to_winner_ms,
    case when results.is_finished then results.status else coalesce(results.reason_out, results.status) end as outcome,
    results.points,
    results.fastest_lap_time_ms,
    results.fastest_lap_rank,
    results.is_win,
    dim_races.race_name,
    dim_races.circuit_name,
    dim_races.race_date
from marts.fct_race_results as results
inner join marts.dim_races on results.race_id = dim_races.race_id
where results.race_id = :race
order by results.position_order, results.result_id
