-- Lap 0 is the start: the grid without the cars that did not start, and starts from the pit lane at its end.
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
),

laps as (
    select
        driver_id,
        lap_number,
        position as place
    from marts.fct_race_laps
    where race_id = :race and position is not null
),

places as (
    select
        driver_id,
        0 as lap_number,
        start_position as place
    from cars
    where exists (select 1 from laps)
    union all
    select
        driver_id,
        lap_number,
        place
    from laps
)

select
    places.lap_number,
    places.place,
    cars.driver_name,
    cars.code,
    cars.constructor_id,
    cars.constructor_name,
    cars.start_position,
    cars.position_text,
    cars.is_out
from places
inner join cars on places.driver_id = cars.driver_id
order by cars.position_order, places.lap_number
