{{ config(materialized='by_season') }}

with

reconciliation as (

    select * from {{ ref('int_championship__reconciliation') }}
    where championship = 'drivers' and {{ in_changed_seasons() }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

final as (

    select
        reconciliation.season,
        reconciliation.round,
        reconciliation.competitor_id as driver_id,
        drivers.driver_name,
        reconciliation.race_id,
        races.race_name,
        races.race_date,
        reconciliation.is_latest_of_season,
        reconciliation.points_gross,
        reconciliation.points_dropped,
        reconciliation.points_adjustment,
        reconciliation.points_counted,
        reconciliation.wins,
        reconciliation.championship_position,
        reconciliation.sporting_position,
        reconciliation.gap_to_leader,
        reconciliation.points_attainable,
        reconciliation.is_title_possible,
        reconciliation.is_title_decided,
        reconciliation.title_decided_in_round,
        reconciliation.is_champion,
        reconciliation.is_excluded,
        reconciliation.official_points,
        reconciliation.official_position,
        reconciliation.official_wins,
        reconciliation.is_reconciled,
        reconciliation.exception_reason
    from reconciliation
    left join drivers
        on reconciliation.competitor_id = drivers.driver_id
    left join races
        on reconciliation.race_id = races.race_id

)

select * from final
