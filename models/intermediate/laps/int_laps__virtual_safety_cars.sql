{{ config(materialized='by_season') }}

with

virtual_safety_cars as (

    select * from {{ ref('stg_racedata__virtual_safety_car_estimates') }}
    where {{ in_changed_seasons() }}

),

race_names as (

    select * from {{ ref('int_races__names') }}

),

final as (

    select distinct
        race_names.race_id,
        race_names.season,
        virtual_safety_cars.lap_number
    from virtual_safety_cars
    inner join race_names
        on virtual_safety_cars.season = race_names.season
        and virtual_safety_cars.race_name = race_names.race_name

)

select * from final
