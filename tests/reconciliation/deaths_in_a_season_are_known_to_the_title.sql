-- Drivers who raced in a season, died in it before its last race, and are not in the seed `driver_deaths`.
with

fatal_accidents as (

    select * from {{ ref('fct_fatal_accidents') }}
    where driver_id is not null

),

race_results as (

    select * from {{ ref('fct_race_results') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

driver_deaths as (

    select * from {{ ref('driver_deaths') }}

),

concerned as (

    select distinct
        races.season,
        fatal_accidents.driver_id,
        drivers.driver_ref
    from fatal_accidents
    inner join drivers
        on fatal_accidents.driver_id = drivers.driver_id
    inner join race_results
        on fatal_accidents.driver_id = race_results.driver_id
    inner join races
        on race_results.season = races.season
        and fatal_accidents.accident_date < races.race_date
    where race_results.season = cast(extract(year from fatal_accidents.accident_date) as integer)

)

select
    concerned.season,
    concerned.driver_ref
from concerned
left join driver_deaths
    on concerned.season = driver_deaths.season
    and concerned.driver_ref = driver_deaths.driver_ref
where driver_deaths.season is null
