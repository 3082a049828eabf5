with

seasons as (

    select * from {{ ref('int_careers__seasons') }}
    where championship = 'constructors'

),

constructors as (

    select * from {{ ref('stg_ergast__constructors') }}

),

constructor_teams as (

    select * from {{ ref('constructor_teams') }}

),

team_lineages as (

    select * from {{ ref('team_lineages') }}

),

named as (

    select
        seasons.season,
        constructors.constructor_id,
        constructors.constructor_ref,
        coalesce(constructor_teams.team_ref, constructors.constructor_ref) as team_ref,
        coalesce(constructor_teams.team_name, constructors.constructor_name) as team_name,
        seasons.points,
        seasons.is_champion
    from seasons
    inner join constructors
        on seasons.competitor_id = constructors.constructor_id
    left join constructor_teams
        on constructors.constructor_ref = constructor_teams.constructor_ref

),

final as (

    select
        named.season,
        named.constructor_id,
        named.team_ref,
        named.team_name,
        coalesce(team_lineages.lineage_ref, named.team_ref) as lineage_ref,
        coalesce(team_lineages.lineage_name, named.team_name) as lineage_name,
        named.points,
        named.is_champion
    from named
    left join team_lineages
        on named.constructor_ref = team_lineages.constructor_ref
        and named.season >= team_lineages.first_season
        and (team_lineages.last_season is null or named.season <= team_lineages.last_season)

)

select * from final
