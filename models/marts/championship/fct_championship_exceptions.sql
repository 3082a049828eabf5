{{ config(materialized='by_season') }}

with

exceptions as (

    select * from {{ ref('championship_exceptions') }}

),

competitors as (

    select * from {{ ref('int_championship__competitors') }}

),

reconciliation as (

    select * from {{ ref('int_championship__reconciliation') }}
    where {{ in_changed_seasons() }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

final as (

    select
        exceptions.season,
        exceptions.round,
        exceptions.championship,
        exceptions.competitor_ref,
        exceptions.kind,
        exceptions.measure,
        reconciliation.race_id,
        races.race_name,
        races.race_date,
        case when exceptions.championship = 'drivers' then competitors.competitor_id end as driver_id,
        drivers.driver_name,
        case when exceptions.championship = 'constructors' then competitors.competitor_id end as constructor_id,
        constructors.constructor_name,
        reconciliation.is_latest_of_season,
        cast(
            case exceptions.measure
                when 'points_counted' then reconciliation.points_counted
                when 'points_gross' then reconciliation.points_gross
                when 'championship_position' then reconciliation.championship_position
                when 'wins' then reconciliation.wins
            end as decimal(8, 2)
        ) as computed_value,
        exceptions.other_value,
        exceptions.reason
    from exceptions
    inner join competitors
        on exceptions.championship = competitors.championship
        and exceptions.competitor_ref = competitors.competitor_ref
    inner join reconciliation
        on competitors.championship = reconciliation.championship
        and competitors.competitor_id = reconciliation.competitor_id
        and exceptions.season = reconciliation.season
        and exceptions.round = reconciliation.round
    left join drivers
        on competitors.championship = 'drivers'
        and competitors.competitor_id = drivers.driver_id
    left join constructors
        on competitors.championship = 'constructors'
        and competitors.competitor_id = constructors.constructor_id
    left join races
        on reconciliation.race_id = races.race_id

)

select * from final
