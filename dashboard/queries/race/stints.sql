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
    cars.driver_name,
    cars.constructor_id,
    cars.constructor_name,
    cars.position_text,
    stints.stint_number,
    stints.first_lap,
    stints.last_lap,
    stints.laps,
    stints.ended_by,
    stints.green_laps,
    cast(stints.start_pace_ms / 1000.0 as decimal(9, 3)) as start_pace_s,
    stints.slope_ms_per_lap,
    stints.is_slope_unusual,
    max(stints.stint_number) over (partition by stints.driver_id) as stints,
    max(stints.laps) over () as longest
from marts.fct_stints as stints
inner join cars on stints.driver_id = cars.driver_id
where stints.race_id = :race
order by cars.position_order, stints.stint_number
