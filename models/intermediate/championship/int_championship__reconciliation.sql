{{ config(materialized='by_season') }}

with

title_fight as (

    select * from {{ ref('int_championship__title_fight') }}
    where {{ in_changed_seasons() }}

),

official as (

    select * from {{ ref('int_championship__official_standings') }}

),

competitors as (

    select * from {{ ref('int_championship__competitors') }}

),

exceptions as (

    select * from {{ ref('championship_exceptions') }}

),

reasons as (

    select
        competitors.championship,
        competitors.competitor_id,
        exceptions.season,
        exceptions.round,
        min(exceptions.reason) as exception_reason
    from exceptions
    inner join competitors
        on exceptions.championship = competitors.championship
        and exceptions.competitor_ref = competitors.competitor_ref
    group by competitors.championship, competitors.competitor_id, exceptions.season, exceptions.round

),

final as (

    select
        title_fight.championship,
        title_fight.race_id,
        title_fight.season,
        title_fight.round,
        title_fight.competitor_id,
        title_fight.points_gross,
        title_fight.points_dropped,
        title_fight.points_adjustment,
        title_fight.points_counted,
        title_fight.wins,
        title_fight.championship_position,
        title_fight.sporting_position,
        title_fight.tied_from_position,
        title_fight.tied_to_position,
        title_fight.is_excluded,
        title_fight.is_latest_of_season,
        title_fight.gap_to_leader,
        title_fight.points_attainable,
        title_fight.is_title_possible,
        title_fight.is_title_decided,
        title_fight.title_decided_in_round,
        title_fight.is_champion,
        official.points as official_points,
        official.position as official_position,
        official.wins as official_wins,
        -- Any place inside a tie agrees: no rule decides there.
        case
            when official.competitor_id is null then null
            when official.points <> title_fight.points_counted then false
            when official.wins <> title_fight.wins then false
            when official.position is null then true
            else
                official.position between title_fight.tied_from_position and title_fight.tied_to_position
        end as is_reconciled,
        reasons.exception_reason
    from title_fight
    left join official
        on title_fight.championship = official.championship
        and title_fight.race_id = official.race_id
        and title_fight.competitor_id = official.competitor_id
    left join reasons
        on title_fight.championship = reasons.championship
        and title_fight.season = reasons.season
        and title_fight.round = reasons.round
        and title_fight.competitor_id = reasons.competitor_id

)

select * from final
