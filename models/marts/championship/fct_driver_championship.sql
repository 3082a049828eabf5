{{ config(materialized='by_season') }}

with

reconciliation as (

    select * from {{ ref('int_championship__reconciliation') }}
    where championship = 'drivers' and {{ in_changed_seasons() }}

),

final as (

    select
        season,
        round,
        competitor_id as driver_id,
        race_id,
        is_latest_of_season,
        points_gross,
        points_dropped,
        points_adjustment,
        points_counted,
        wins,
        championship_position,
        sporting_position,
        gap_to_leader,
        points_attainable,
        is_title_possible,
        is_title_decided,
        title_decided_in_round,
        is_champion,
        is_excluded,
        official_points,
        official_position,
        official_wins,
        is_reconciled,
        exception_reason
    from reconciliation

)

select * from final
