{{ config(materialized='by_season') }}

with

entrants as (

    select * from {{ ref('int_championship__entrants') }}
    where {{ in_changed_seasons() }}

),

result_points as (

    select * from {{ ref('int_championship__result_points') }}
    where is_scoring and points_computed > 0 and {{ in_changed_seasons() }}

),

session_maxima as (

    select * from {{ ref('int_championship__session_maxima') }}
    where {{ in_changed_seasons() }}

),

counted_results as (

    select * from {{ ref('counted_results') }}

),

competitors as (

    select * from {{ ref('int_championship__competitors') }}

),

driver_deaths as (

    select * from {{ ref('driver_deaths') }}

),

-- For each competitor after each race: the points they have, and the most that each session left can add.
points_so_far as (

    select
        entrants.championship,
        entrants.season,
        entrants.round as after_round,
        entrants.competitor_id,
        result_points.round,
        result_points.session_type,
        0 as is_to_come,
        result_points.points_computed as points
    from entrants
    inner join result_points
        on entrants.championship = result_points.championship
        and entrants.season = result_points.season
        and entrants.competitor_id = result_points.competitor_id
        and entrants.round >= result_points.round

),

deaths as (

    select
        competitors.championship,
        competitors.competitor_id,
        driver_deaths.season,
        driver_deaths.after_round
    from driver_deaths
    inner join competitors
        on driver_deaths.driver_ref = competitors.competitor_ref
    where competitors.championship = 'drivers'

),

points_to_come as (

    select
        entrants.championship,
        entrants.season,
        entrants.round as after_round,
        entrants.competitor_id,
        session_maxima.round,
        session_maxima.session_type,
        1 as is_to_come,
        session_maxima.points_at_most as points
    from entrants
    inner join session_maxima
        on entrants.championship = session_maxima.championship
        and entrants.season = session_maxima.season
        and entrants.round < session_maxima.round
    left join deaths
        on entrants.championship = deaths.championship
        and entrants.competitor_id = deaths.competitor_id
        and entrants.season = deaths.season
        and entrants.round >= deaths.after_round
    where deaths.competitor_id is null

),

points_at_best as (

    select * from points_so_far

    union all

    select * from points_to_come

),

in_parts as (

    select
        points_at_best.*,
        counted_results.from_round,
        counted_results.best_results
    from points_at_best
    left join counted_results
        on points_at_best.season = counted_results.season
        and points_at_best.round between counted_results.from_round and counted_results.to_round
        and counted_results.championship in ('both', points_at_best.championship)

),

-- Ranking takes most of the time, so rank only where results are dropped.
ranked as (

    select
        *,
        row_number() over (
            partition by championship, season, after_round, competitor_id, from_round
            order by points desc
        ) as rank_in_part
    from in_parts
    where best_results is not null

),

counted as (

    select
        championship,
        season,
        after_round,
        competitor_id,
        session_type,
        is_to_come,
        points
    from in_parts
    where best_results is null

    union all

    select
        championship,
        season,
        after_round,
        competitor_id,
        session_type,
        is_to_come,
        case when rank_in_part <= best_results then points else 0 end as points
    from ranked

),

final as (

    select
        championship,
        season,
        after_round as round,
        competitor_id,
        cast(sum(points) as decimal(8, 2)) as points_at_most,
        cast(sum(case when session_type = 'race' then is_to_come else 0 end) as integer) as races_to_win
    from counted
    group by championship, season, after_round, competitor_id

)

select * from final
