-- The dump has race times; Ergast has the winner's time and the gaps of the others to it.
select
    result_ids.result_id,
    results.race_id,
    results.driver_id,
    results.constructor_id,
    results.car_number as number,
    results.grid,
    results.position,
    results.position_text,
    results.position_order,
    results.points,
    results.laps_completed as laps,
    as_time_of_result(results.time, results.winner_ms) as time,
    milliseconds_or_text(results.time) as milliseconds,
    results.fastest_lap_number as fastest_lap,
    results.fastest_lap_rank as rank,
    clock_or_text(results.fastest_lap_time) as fastest_lap_time,
    results.fastest_lap_speed,
    status_ids.status_id
from results
inner join result_ids
    on results.entry_id = result_ids.entry_id
left join status_ids
    on results.status = status_ids.status
where results.type is distinct from 'SR'
order by result_ids.result_id
