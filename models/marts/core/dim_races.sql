with

races as (

    select * from {{ ref('stg_ergast__races') }}

),

session_starts as (

    select * from {{ ref('int_races__session_starts') }}

),

results as (

    select * from {{ ref('stg_ergast__results') }}

),

sprint_results as (

    select * from {{ ref('stg_ergast__sprint_results') }}

),

races_held as (

    select distinct race_id from results

),

sprints_held as (

    select distinct race_id from sprint_results

),

final as (

    select
        races.race_id,
        races.season,
        races.round,
        races.circuit_id,
        races.race_name,
        races.race_date,
        session_starts.race_starts_at,
        races_held.race_id is not null as is_held,
        -- The schedule lacks the sprints of some seasons, and the results those to come.
        sprints_held.race_id is not null or races.sprint_date is not null as is_sprint_weekend,
        session_starts.practice_1_starts_at,
        session_starts.practice_2_starts_at,
        session_starts.practice_3_starts_at,
        session_starts.qualifying_starts_at,
        session_starts.sprint_starts_at,
        races.wikipedia_url
    from races
    inner join session_starts
        on races.race_id = session_starts.race_id
    left join races_held
        on races.race_id = races_held.race_id
    left join sprints_held
        on races.race_id = sprints_held.race_id

)

select * from final
