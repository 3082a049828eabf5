with

cars as (

    select * from {{ ref('int_results__cars') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

eras as (

    select * from {{ ref('regulation_eras') }}

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

places as (

    select
        cars.result_id,
        cars.race_id,
        races.season,
        races.round,
        races.circuit_id,
        eras.era,
        cars.driver_id,
        cars.constructor_id,
        cars.grid_position,
        cars.is_pit_lane_start,
        cars.start_position,
        cars.finishing_position,
        cars.is_full_race,
        cars.start_position - cars.finishing_position as places_gained,
        case when cars.is_full_race then cars.start_position - cars.finishing_position end as places_counted
    from cars
    inner join races
        on cars.race_id = races.race_id
    left join eras
        on races.season >= eras.first_season
        and (races.season <= eras.last_season or eras.last_season is null)
    where not cars.is_shared_drive

),

-- What the other cars from the slot did, the car itself left out.
others as (

    select
        *,
        case when places_counted is null then 0 else -1 end
        + count(places_counted) over slot_at_circuit as cars_at_circuit,
        coalesce(sum(places_counted) over slot_at_circuit, 0) - coalesce(places_counted, 0) as places_at_circuit,
        case when places_counted is null then 0 else -1 end
        + count(places_counted) over slot_in_era as cars_in_era,
        coalesce(sum(places_counted) over slot_in_era, 0) - coalesce(places_counted, 0) as places_in_era
    from places
    window
        slot_at_circuit as (partition by circuit_id, era, start_position),
        slot_in_era as (partition by era, start_position)

),

-- The mean at the circuit, pulled towards the mean of the era as if that were so many more cars.
expected as (

    select
        *,
        case
            when is_full_race and cars_in_era >= {{ var('expected_places_cars') }}
                then (
                    places_at_circuit
                    + {{ var('expected_places_weight_cars') }} * cast(places_in_era as decimal(20, 9)) / cars_in_era
                ) / (cars_at_circuit + {{ var('expected_places_weight_cars') }})
        end as expected_places
    from others

),

final as (

    select
        expected.result_id,
        expected.race_id,
        races.race_name,
        races.race_date,
        expected.season,
        expected.round,
        expected.circuit_id,
        races.circuit_name,
        expected.era,
        expected.driver_id,
        drivers.driver_name,
        expected.constructor_id,
        constructors.constructor_name,
        expected.grid_position,
        expected.is_pit_lane_start,
        expected.start_position,
        expected.finishing_position,
        expected.is_full_race,
        expected.places_gained,
        cast(expected.cars_at_circuit as integer) as cars_at_circuit,
        cast(expected.cars_in_era as integer) as cars_in_era,
        cast(cast(expected.expected_places as decimal(20, 9)) as decimal(8, 3)) as expected_places_gained,
        cast(
            cast(expected.places_gained - expected.expected_places as decimal(20, 9)) as decimal(8, 3)
        ) as places_above_expected
    from expected
    left join drivers
        on expected.driver_id = drivers.driver_id
    left join constructors
        on expected.constructor_id = constructors.constructor_id
    left join races
        on expected.race_id = races.race_id

)

select * from final
