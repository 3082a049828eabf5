-- The winners at a circuit, race by race. A shared win has a row for each driver.
select
    fct_race_results.season,
    fct_race_results.round,
    fct_race_results.race_name,
    fct_race_results.race_date,
    fct_race_results.driver_id,
    fct_race_results.driver_name,
    fct_race_results.constructor_id,
    fct_race_results.constructor_name,
    fct_race_results.grid,
    fct_race_results.grid_position,
    fct_race_results.is_pole
from marts.fct_race_results
inner join marts.dim_races
    on fct_race_results.race_id = dim_races.race_id
where
    fct_race_results.is_win
    and dim_races.circuit_id = :circuit
order by fct_race_results.season, fct_race_results.round, fct_race_results.driver_id
