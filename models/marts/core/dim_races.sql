{{ config(materialized='by_season') }}

with

races as (

    select * from {{ ref('stg_ergast__races') }}

),

session_starts as (

    select * from {{ ref('int_races__session_starts') }}

),

weekends as (

    select * from {{ ref('int_races__weekends') }}

),

circuits as (

    select * from {{ ref('dim_circuits') }}

),

final as (

    select
        races.race_id,
        races.season,
        races.round,
        races.circuit_id,
        circuits.circuit_name,
        races.race_name,
        races.race_date,
        session_starts.race_starts_at,
        weekends.is_held,
        weekends.is_sprint_weekend,
        session_starts.practice_1_starts_at,
        session_starts.practice_2_starts_at,
        session_starts.practice_3_starts_at,
        session_starts.qualifying_starts_at,
        session_starts.sprint_starts_at,
        races.wikipedia_url
    from races
    inner join session_starts
        on races.race_id = session_starts.race_id
    inner join weekends
        on races.race_id = weekends.race_id
    left join circuits
        on races.circuit_id = circuits.circuit_id

)

select * from final
