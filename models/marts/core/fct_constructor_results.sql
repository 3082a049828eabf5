{{ config(materialized='by_season') }}

with

constructor_results as (

    select * from {{ ref('stg_ergast__constructor_results') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

final as (

    select
        constructor_results.constructor_result_id,
        constructor_results.race_id,
        races.race_name,
        races.race_date,
        races.season,
        races.round,
        constructor_results.constructor_id,
        constructors.constructor_name,
        constructor_results.points,
        constructor_results.is_disqualified
    from constructor_results
    inner join races
        on constructor_results.race_id = races.race_id
    left join constructors
        on constructor_results.constructor_id = constructors.constructor_id

)

select * from final
