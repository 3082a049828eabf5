with

constructors as (

    select * from {{ ref('stg_ergast__constructors') }}

),

constructor_teams as (

    select * from {{ ref('constructor_teams') }}

),

nationality_aliases as (

    select * from {{ ref('name_aliases') }}
    where kind = 'nationality'

),

final as (

    select
        constructors.constructor_id,
        constructors.constructor_ref,
        constructors.constructor_name,
        coalesce(constructor_teams.team_ref, constructors.constructor_ref) as team_ref,
        coalesce(constructor_teams.team_name, constructors.constructor_name) as team_name,
        coalesce(nationality_aliases.standard_name, constructors.source_nationality) as nationality,
        constructors.wikipedia_url
    from constructors
    left join constructor_teams
        on constructors.constructor_ref = constructor_teams.constructor_ref
    left join nationality_aliases
        on constructors.source_nationality = nationality_aliases.source_name

)

select * from final
