with

races as (

    select * from {{ ref('stg_ergast__races') }}

),

race_aliases as (

    select * from {{ ref('race_aliases') }}

),

all_names as (

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
        and race_aliases.calendar_name = races.race_name

),

-- A name that two races of a season share says neither. A name of the calendar goes before an alias.
uses as (

    select
        season,
        race_name,
        count(case when is_alias then 1 end) as aliases,
        count(case when not is_alias then 1 end) as races_so_named
    from all_names
    group by season, race_name

),

final as (

    select
        all_names.race_id,
        all_names.season,
        all_names.round,
        all_names.race_name,
        all_names.is_alias
    from all_names
    inner join uses
        on all_names.season = uses.season
        and all_names.race_name = uses.race_name
    where
        (not all_names.is_alias and uses.races_so_named = 1)
        or (all_names.is_alias and uses.races_so_named = 0 and uses.aliases = 1)

)

select * from final
