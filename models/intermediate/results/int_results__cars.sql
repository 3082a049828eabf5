{{ config(materialized='by_season') }}

with

outcomes as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'race' and is_started

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

-- Drivers who took turns in a car have a row each; the car is counted once.
drivers_of_cars as (

    select
        *,
        row_number() over (
            partition by
                race_id,
                case when is_shared_drive then constructor_id else -result_id end,
                case when is_shared_drive then car_number else -result_id end
            order by grid_position asc nulls last, result_id asc
        ) as driver_of_car
    from outcomes

),

cars as (

    select * from drivers_of_cars
    where driver_of_car = 1

),

final as (

    select
        cars.result_id,
        cars.race_id,
        races.season,
        cars.driver_id,
        cars.constructor_id,
        cars.grid_position,
        {{ pit_lane_start('cars') }} as is_pit_lane_start,
        cars.is_shared_drive,
        -- Cars that did not start are left out, so cars behind move up. Cars in the pit lane start last.
        cast(
            rank() over (partition by cars.race_id order by cars.grid_position asc nulls last) as integer
        ) as start_position,
        cars.finishing_position,
        cars.is_classified,
        cars.is_finished,
        cars.reason_out_group,
        -- A corrected time has hours in which the race was stopped, which the source's lacks.
        coalesce(cars.source_winner_time_ms >= {{ var('full_race_ms') }}, true) as is_full_race
    from cars
    inner join races
        on cars.race_id = races.race_id

)

select * from final
