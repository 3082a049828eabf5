{{ config(materialized='by_season') }}

with

safety_cars as (

    select * from {{ ref('stg_racedata__safety_cars') }}
    where {{ in_changed_seasons() }}

),

race_names as (

    select * from {{ ref('int_races__names') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

final as (

    select
        races.race_id,
        races.race_name,
        races.race_date,
        cast(
            row_number() over (partition by races.race_id order by safety_cars.deployed_lap) as integer
        ) as safety_car_number,
        races.season,
        races.round,
        safety_cars.cause,
        safety_cars.deployed_lap,
        safety_cars.retreated_lap,
        safety_cars.retreated_lap is null as is_to_the_end,
        safety_cars.deployed_lap + 1 as first_full_lap,
        safety_cars.retreated_lap - 1 as last_full_lap,
        safety_cars.retreated_lap - safety_cars.deployed_lap - 1 as full_laps,
        safety_cars.source_full_laps
    from safety_cars
    inner join race_names
        on safety_cars.season = race_names.season
        and safety_cars.race_name = race_names.race_name
    inner join races
        on race_names.race_id = races.race_id

)

select * from final
