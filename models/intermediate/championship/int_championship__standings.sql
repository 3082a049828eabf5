{{ config(materialized='by_season') }}

with

countback as (

    select * from {{ ref('int_championship__countback') }}
    where {{ in_changed_seasons() }}

),

counted_points as (

    select * from {{ ref('int_championship__counted_points') }}
    where {{ in_changed_seasons() }}

),

competitors as (

    select * from {{ ref('int_championship__competitors') }}

),

penalties as (

    select * from {{ ref('championship_penalties') }}

),

penalties_in_force as (

    select
        countback.championship,
        countback.season,
        countback.round,
        countback.competitor_id,
        sum(case when penalties.kind = 'deduction' then penalties.points else 0 end) as points_adjustment,
        max(case when penalties.kind = 'exclusion' then 1 else 0 end) as exclusions,
        -- The tables were restated; until the decision the title seemed possible.
        max(
            case when penalties.kind = 'exclusion' and countback.round >= penalties.known_after_round then 1 else 0 end
        ) as exclusions_known
    from countback
    inner join competitors
        on countback.championship = competitors.championship
        and countback.competitor_id = competitors.competitor_id
    inner join penalties
        on competitors.championship = penalties.championship
        and competitors.competitor_ref = penalties.competitor_ref
        and countback.season = penalties.season
        and countback.round >= penalties.from_round
        and (penalties.to_round is null or countback.round <= penalties.to_round)
    group by countback.championship, countback.season, countback.round, countback.competitor_id

),

joined as (

    select
        countback.*,
        competitors.listing_name,
        cast(coalesce(counted_points.points_gross, 0) as decimal(8, 2)) as points_gross,
        cast(coalesce(penalties_in_force.points_adjustment, 0) as decimal(8, 2)) as points_adjustment,
        cast(
            coalesce(counted_points.points_counted, 0) + coalesce(penalties_in_force.points_adjustment, 0)
            as decimal(8, 2)
        ) as points_counted,
        cast(
            coalesce(counted_points.points_gross, 0) - coalesce(counted_points.points_counted, 0) as decimal(8, 2)
        ) as points_dropped,
        coalesce(penalties_in_force.exclusions, 0) > 0 as is_excluded,
        coalesce(penalties_in_force.exclusions_known, 0) > 0 as is_out
    from countback
    inner join competitors
        on countback.championship = competitors.championship
        and countback.competitor_id = competitors.competitor_id
    left join counted_points
        on countback.championship = counted_points.championship
        and countback.season = counted_points.season
        and countback.round = counted_points.round
        and countback.competitor_id = counted_points.competitor_id
    left join penalties_in_force
        on countback.championship = penalties_in_force.championship
        and countback.season = penalties_in_force.season
        and countback.round = penalties_in_force.round
        and countback.competitor_id = penalties_in_force.competitor_id

),

final as (

    select
        championship,
        race_id,
        season,
        round,
        competitor_id,
        points_gross,
        points_dropped,
        points_adjustment,
        points_counted,
        wins,
        places_1_to_18,
        places_19_to_36,
        is_excluded,
        is_out,
        -- What the sport decides: points, then countback. Equal competitors share a place.
        cast(
            rank() over (
                partition by championship, season, round
                order by is_excluded asc, points_counted desc, places_1_to_18 desc, places_19_to_36 desc
            ) as integer
        ) as sporting_position,
        cast(
            count(*) over (
                partition by championship, season, round, is_excluded, points_counted, places_1_to_18, places_19_to_36
            ) as integer
        ) as sharing_position,
        -- As published tables list them: equal competitors by the order of their unclassified results, then by name.
        cast(
            row_number() over (
                partition by championship, season, round
                order by
                    is_excluded asc,
                    points_counted desc,
                    places_1_to_18 desc,
                    places_19_to_36 desc,
                    listed_1_to_18 desc,
                    listed_19_to_36 desc,
                    listed_37_to_54 desc,
                    listing_name asc,
                    competitor_id asc
            ) as integer
        ) as championship_position,
        round = max(round) over (partition by championship, season) as is_latest_of_season
    from joined

)

select * from final
