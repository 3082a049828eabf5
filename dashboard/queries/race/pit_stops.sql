-- Without stops under a red flag, which last as long as the interruption, and without stops that were none.
select
    stops.lap_number,
    stops.driver_name,
    coalesce(dim_drivers.driver_code, upper(left(dim_drivers.family_name, 3))) as code,
    stops.constructor_id,
    stops.constructor_name,
    stops.stop_number,
    stops.stop_kind,
    cast(stops.duration_ms / 1000.0 as decimal(9, 3)) as duration_s,
    cast((stops.duration_ms - stops.duration_to_race_median_ms) / 1000.0 as decimal(9, 3)) as race_median_s,
    cast(stops.time_lost_ms / 1000.0 as decimal(9, 3)) as time_lost_s,
    stops.is_field_slow,
    stops.unusual_reason
from marts.fct_pit_stop_times as stops
inner join marts.dim_drivers on stops.driver_id = dim_drivers.driver_id
where stops.race_id = :race and stops.stop_kind not in ('red flag', 'no stop')
order by stops.duration_ms, stops.driver_name, stops.stop_number
