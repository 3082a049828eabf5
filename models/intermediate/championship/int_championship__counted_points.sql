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

-- After each race the best results of each part of the season so far count. A result is a car, not a race.
ranked as (

    select
        entrants.championship,
        entrants.season,
        entrants.round,
        entrants.competitor_id,
        result_points.points_computed,
        counted_results.best_results,
        row_number() over (
            partition by
                entrants.championship, entrants.season, entrants.round, entrants.competitor_id,
                counted_results.from_round
            order by result_points.points_computed desc, result_points.round asc, result_points.result_id asc
        ) as rank_in_part
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

final as (

    select
        championship,
        season,
        round,
        competitor_id,
        cast(sum(points_computed) as decimal(8, 2)) as points_gross,
        cast(
            sum(case when best_results is null or rank_in_part <= best_results then points_computed else 0 end)
            as decimal(8, 2)
        ) as points_counted
    from ranked
    group by championship, season, round, competitor_id

)

select * from final
