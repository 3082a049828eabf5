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

-- As published tables list them: equal competitors by the order of their unclassified results, then by name.
listed as (

    select
        *,
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
        ) as championship_position
    from joined

),

-- What the sport decides: points, then countback. Equal competitors share a place, the best that one of them is listed
-- in: a second ranking would sort all rows again.
shared as (

    select
        championship,
        season,
        round,
        is_excluded,
        points_counted,
        places_1_to_18,
        places_19_to_36,
        min(championship_position) as sporting_position,
        count(*) as sharing_position
    from listed
    group by championship, season, round, is_excluded, points_counted, places_1_to_18, places_19_to_36

),

latest_rounds as (

    select
        championship,
        season,
        max(round) as latest_round
    from joined
    group by championship, season

),

final as (

    select
        listed.championship,
        listed.race_id,
        listed.season,
        listed.round,
        listed.competitor_id,
        listed.points_gross,
        listed.points_dropped,
        listed.points_adjustment,
        listed.points_counted,
        listed.wins,
        listed.places_1_to_18,
        listed.places_19_to_36,
        listed.is_excluded,
        listed.is_out,
        cast(shared.sporting_position as integer) as sporting_position,
        cast(shared.sharing_position as integer) as sharing_position,
        cast(listed.championship_position as integer) as championship_position,
        listed.round = latest_rounds.latest_round as is_latest_of_season
    from listed
    inner join shared
        on listed.championship = shared.championship
        and listed.season = shared.season
        and listed.round = shared.round
        and listed.is_excluded = shared.is_excluded
        and listed.points_counted = shared.points_counted
        and listed.places_1_to_18 = shared.places_1_to_18
        and listed.places_19_to_36 = shared.places_19_to_36
    inner join latest_rounds
        on listed.championship = latest_rounds.championship
        and listed.season = latest_rounds.season

)

select * from final
