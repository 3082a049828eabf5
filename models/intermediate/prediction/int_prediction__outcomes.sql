with

results as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'race'

),

all_races as (

    select * from {{ ref('int_championship__races') }}
    where is_held

),

standings as (

    select * from {{ ref('int_championship__reconciliation') }}
    where championship = 'drivers'

),

rules as (

    select * from {{ ref('int_championship__rules') }}
    where championship = 'drivers'

),

points_by_position as (

    select * from {{ ref('points_by_position') }}
    where session_type = 'race'

),

scoring as (

    select
        rules.season,
        max(points_by_position.position) as scoring_places,
        max(points_by_position.points) as points_of_win
    from rules
    inner join points_by_position
        on rules.points_system = points_by_position.points_system
    group by rules.season

),

races as (

    select
        race_id,
        season,
        lag(race_id) over (order by season, round) as previous_race_id
    from all_races

),

-- A driver with two cars is one row, with the better of each.
entries as (

    select
        race_id,
        driver_id,
        min(grid_position) as grid_position,
        min(finishing_position) as finishing_position,
        max(case when is_classified then 1 else 0 end) as classified,
        min(case when position_text = 'F' then 1 else 0 end) as not_qualified
    from results
    group by race_id, driver_id

),

outcomes as (

    select
        races.season,
        entries.race_id,
        entries.driver_id,
        entries.not_qualified,
        entries.grid_position,
        standings.championship_position,
        case when entries.finishing_position = 1 then 1 else 0 end as wins,
        case when entries.finishing_position <= 3 then 1 else 0 end as podiums,
        case when entries.finishing_position <= scoring.scoring_places then 1 else 0 end as scores,
        entries.classified,
        scoring.points_of_win
    from entries
    inner join races
        on entries.race_id = races.race_id
    inner join scoring
        on races.season = scoring.season
    left join standings
        on races.previous_race_id = standings.race_id
        and entries.driver_id = standings.competitor_id

),

moments as (

    select 'before_weekend' as known_at
    union all
    select 'after_qualifying' as known_at

),

final as (

    select
        outcomes.season,
        outcomes.race_id,
        outcomes.driver_id,
        moments.known_at,
        cast(
            coalesce(
                case
                    when moments.known_at = 'after_qualifying' then outcomes.grid_position
                    else outcomes.championship_position
                end, 0
            ) as integer
        ) as slot,
        outcomes.wins,
        outcomes.podiums,
        outcomes.scores,
        outcomes.classified,
        outcomes.points_of_win
    from outcomes
    cross join moments
    where moments.known_at = 'before_weekend' or outcomes.not_qualified = 0

)

select * from final
