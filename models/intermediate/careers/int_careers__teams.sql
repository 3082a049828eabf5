with

results as (

    select * from {{ ref('int_careers__results') }}
    where session_type = 'race'

),

constructor_teams as (

    select * from {{ ref('int_careers__constructor_teams') }}

),

constructor_groups as (

    select
        'team' as grouping_kind,
        team_ref as group_ref,
        team_name as group_name,
        season,
        constructor_id,
        points,
        is_champion
    from constructor_teams

    union all

    select
        'lineage' as grouping_kind,
        lineage_ref as group_ref,
        lineage_name as group_name,
        season,
        constructor_id,
        points,
        is_champion
    from constructor_teams

),

-- Several constructors of one group in a race are one entry, and at most one win.
races as (

    select
        constructor_groups.grouping_kind,
        constructor_groups.group_ref,
        results.race_id,
        bool_or(results.is_started) as is_started,
        min(results.finishing_position) as finishing_position,
        bool_or(results.is_pole) as is_pole
    from results
    inner join constructor_groups
        on results.season = constructor_groups.season
        and results.constructor_id = constructor_groups.constructor_id
    group by constructor_groups.grouping_kind, constructor_groups.group_ref, results.race_id

),

race_totals as (

    select
        grouping_kind,
        group_ref,
        cast(count(*) as integer) as entries,
        cast(count(*) filter (where is_started) as integer) as starts,
        cast(count(*) filter (where finishing_position = 1) as integer) as wins,
        cast(count(*) filter (where finishing_position <= 3) as integer) as podiums,
        cast(count(*) filter (where is_pole) as integer) as poles
    from races
    group by grouping_kind, group_ref

),

season_totals as (

    select
        grouping_kind,
        group_ref,
        max(group_name) as group_name,
        cast(count(distinct constructor_id) as integer) as constructors,
        cast(count(distinct season) as integer) as seasons,
        min(season) as first_season,
        max(season) as last_season,
        cast(count(*) filter (where is_champion) as integer) as titles,
        cast(sum(points) as decimal(10, 2)) as points
    from constructor_groups
    group by grouping_kind, group_ref

),

final as (

    select
        season_totals.grouping_kind,
        season_totals.group_ref,
        season_totals.group_name,
        season_totals.constructors,
        season_totals.seasons,
        season_totals.first_season,
        season_totals.last_season,
        coalesce(race_totals.entries, 0) as entries,
        coalesce(race_totals.starts, 0) as starts,
        coalesce(race_totals.wins, 0) as wins,
        coalesce(race_totals.podiums, 0) as podiums,
        coalesce(race_totals.poles, 0) as poles,
        season_totals.titles,
        season_totals.points
    from season_totals
    left join race_totals
        on season_totals.grouping_kind = race_totals.grouping_kind
        and season_totals.group_ref = race_totals.group_ref

)

select * from final
