with

races as (

    select * from {{ ref('stg_ergast__races') }}

),

race_aliases as (

    select * from {{ ref('race_aliases') }}

),

unioned as (

    select
        race_id,
        season,
        round,
        race_name,
        false as is_alias
    from races

    union all

    select
        races.race_id,
        races.season,
        races.round,
        race_aliases.race_name,
        true as is_alias
    from race_aliases
    inner join races
        on race_aliases.season = races.season
        and race_aliases.round = races.round

)

select * from unioned
