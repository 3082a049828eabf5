{{ config(materialized='by_season') }}

with

places as (

    select * from {{ ref('int_championship__places') }}
    where {{ in_changed_seasons() }}

),

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

constructors as (

    select * from {{ ref('stg_ergast__constructors') }}

),

entry_cars as (

    select * from {{ ref('championship_entry_cars') }}

),

championship_entries as (

    select * from {{ ref('championship_entries') }}

),

seasons as (

    select distinct season from entry_cars

),

named_cars as (

    select
        entry_cars.season,
        entry_cars.driver_ref,
        entry_cars.first_round,
        entry_cars.last_round,
        entry_cars.reason,
        constructors.constructor_id,
        coalesce(championship_entries.entry_id, entered_constructors.constructor_id) as entry_id
    from entry_cars
    inner join constructors
        on entry_cars.constructor_ref = constructors.constructor_ref
    left join championship_entries
        on entry_cars.entry_ref = championship_entries.entry_ref
    left join constructors as entered_constructors
        on entry_cars.entry_ref = entered_constructors.constructor_ref

),

final as (

    select
        places.session_type,
        places.result_id,
        places.season,
        places.round,
        places.constructor_id,
        coalesce(named_cars.entry_id, places.constructor_id) as entry_id,
        named_cars.entry_id is not null as is_scored_apart,
        named_cars.reason
    from places
    inner join seasons
        on places.season = seasons.season
    inner join drivers
        on places.driver_id = drivers.driver_id
    left join named_cars
        on places.season = named_cars.season
        and places.round between named_cars.first_round and named_cars.last_round
        and places.constructor_id = named_cars.constructor_id
        and (named_cars.driver_ref is null or drivers.driver_ref = named_cars.driver_ref)

)

select * from final
