with

races as (

    select * from {{ ref('stg_ergast__races') }}

),

circuits as (

    select * from {{ ref('stg_ergast__circuits') }}

),

results as (

    select * from {{ ref('stg_ergast__results') }}

),

sprint_results as (

    select * from {{ ref('stg_ergast__sprint_results') }}

),

announced_sprints as (

    select * from {{ ref('sprint_weekends') }}

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
        races_held.race_id is not null as is_held,
        -- Results have the sprints that were held, the schedule those of some seasons, the seed those to come.
        sprints_held.race_id is not null
        or races.sprint_date is not null
        or announced_sprints.circuit_ref is not null as is_sprint_weekend
    from races
    inner join circuits
        on races.circuit_id = circuits.circuit_id
    left join races_held
        on races.race_id = races_held.race_id
    left join sprints_held
        on races.race_id = sprints_held.race_id
    left join announced_sprints
        on races.season = announced_sprints.season
        and circuits.circuit_ref = announced_sprints.circuit_ref

)

select * from final
