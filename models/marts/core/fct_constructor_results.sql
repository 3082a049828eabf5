{{ config(materialized='by_season') }}

with

constructor_results as (

    select * from {{ ref('stg_ergast__constructor_results') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

final as (

    select
        constructor_results.constructor_result_id,
        constructor_results.race_id,
        races.season,
        races.round,
        constructor_results.constructor_id,
        constructor_results.points,
        constructor_results.is_disqualified
    from constructor_results
    inner join races
        on constructor_results.race_id = races.race_id

)

select * from final
