with

result_points as (

    select * from {{ ref('int_championship__result_points') }}
    where is_scoring and points_computed > 0

),

entrants as (

    select * from {{ ref('int_championship__entrants') }}

),

counted_results as (

    select * from {{ ref('counted_results') }}

),

in_parts as (

    select
        entrants.championship,
        entrants.season,
        entrants.round,
        entrants.competitor_id,
        result_points.round as points_round,
        result_points.result_id,
        result_points.points_computed,
        counted_results.from_round,
        counted_results.best_results
    from entrants
    inner join result_points
        on entrants.championship = result_points.championship
        and entrants.season = result_points.season
        and entrants.competitor_id = result_points.competitor_id
        and entrants.round >= result_points.round
    left join counted_results
        on result_points.season = counted_results.season
        and result_points.round between counted_results.from_round and counted_results.to_round
        and counted_results.championship in ('both', result_points.championship)

),

-- After each race the best results of each part of the season so far count. A result is a car, not a race.
-- Ranking takes most of the time, so rank only where results are dropped.
ranked as (

    select
        *,
        row_number() over (
            partition by championship, season, round, competitor_id, from_round
            order by points_computed desc, points_round asc, result_id asc
        ) as rank_in_part
    from in_parts
    where best_results is not null

),

counted as (

    select
        championship,
        season,
        round,
        competitor_id,
        points_computed as points_gross,
        points_computed as points_counted
    from in_parts
    where best_results is null

    union all

    select
        championship,
        season,
        round,
        competitor_id,
        points_computed as points_gross,
        case when rank_in_part <= best_results then points_computed else 0 end as points_counted
    from ranked

),

final as (

    select
        championship,
        season,
        round,
        competitor_id,
        cast(sum(points_gross) as decimal(8, 2)) as points_gross,
        cast(sum(points_counted) as decimal(8, 2)) as points_counted
    from counted
    group by championship, season, round, competitor_id

)

select * from final
