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

-- What the sport decides: points, then countback. Equal competitors share a position.
ranked as (

    select
        *,
        rank() over (
            partition by championship, season, round
            order by is_excluded asc, points_counted desc, places_1_to_18 desc, places_19_to_36 desc
        ) as sporting_position
    from joined

),

-- As published tables list them: by the places that they count, then equal competitors by the order of their
-- unclassified results, then by name.
listed as (

    select
        *,
        row_number() over (
            partition by championship, season, round
            order by
                is_excluded asc,
                points_counted desc,
                table_places_1_to_18 desc,
                table_places_19_to_36 desc,
                listed_1_to_18 desc,
                listed_19_to_36 desc,
                listed_37_to_54 desc,
                listing_name asc,
                competitor_id asc
        ) as championship_position
    from ranked

),

-- Competitors whom the published tables list in an order that no rule decides: they have these positions between them.
tied as (

    select
        championship,
        season,
        round,
        is_excluded,
        points_counted,
        table_places_1_to_18,
        table_places_19_to_36,
        min(championship_position) as tied_from_position,
        max(championship_position) as tied_to_position
    from listed
    group by championship, season, round, is_excluded, points_counted, table_places_1_to_18, table_places_19_to_36

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
        cast(listed.sporting_position as integer) as sporting_position,
        cast(tied.tied_from_position as integer) as tied_from_position,
        cast(tied.tied_to_position as integer) as tied_to_position,
        cast(listed.championship_position as integer) as championship_position,
        listed.round = latest_rounds.latest_round as is_latest_of_season
    from listed
    inner join tied
        on listed.championship = tied.championship
        and listed.season = tied.season
        and listed.round = tied.round
        and listed.is_excluded = tied.is_excluded
        and listed.points_counted = tied.points_counted
        and listed.table_places_1_to_18 = tied.table_places_1_to_18
        and listed.table_places_19_to_36 = tied.table_places_19_to_36
    inner join latest_rounds
        on listed.championship = latest_rounds.championship
        and listed.season = latest_rounds.season

)

select * from final
