-- Without laps under a red flag, which last as long as the interruption.
with

cars as (
    select
        results.driver_id,
        results.driver_name,
        results.constructor_id,
        results.constructor_name,
        results.position_order,
        results.position_text,
        not results.is_finished as is_out,
        coalesce(dim_drivers.driver_code, upper(left(dim_drivers.family_name, 3))) as code,
        row_number() over (
            order by results.grid_position asc nulls last, results.position_order asc
        ) as start_position
    from marts.fct_race_results as results
    inner join marts.dim_drivers on results.driver_id = dim_drivers.driver_id
    where results.race_id = :race and results.is_started and results.driver_entry_number = 1
)

select
    laps.lap_number,
    laps.lap_class,
    cast(laps.lap_time_ms / 1000.0 as decimal(9, 3)) as lap_time_s,
    laps.lap_time_ms,
    laps.position as place,
    cars.driver_name,
    cars.code,
    cars.constructor_id,
    cars.constructor_name,
    cars.is_out,
    pace.median_ms as median_green_ms,
    pace.green_laps
from marts.fct_race_laps as laps
inner join cars on laps.driver_id = cars.driver_id
left join marts.fct_race_pace as pace on laps.race_id = pace.race_id and laps.driver_id = pace.driver_id
where laps.race_id = :race and not laps.is_red_flag and (laps.is_green or not :only_green)
order by cars.position_order, laps.lap_number
