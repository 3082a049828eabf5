{{ config(materialized='by_season') }}

with

places as (

    select * from {{ ref('int_championship__places') }}
    where {{ in_changed_seasons() }}

),

races as (

    select * from {{ ref('int_championship__races') }}
    where {{ in_changed_seasons() }}

),

rules as (

    select * from {{ ref('int_championship__rules') }}
    where {{ in_changed_seasons() }}

),

points_by_system as (

    select * from {{ ref('int_championship__points_by_system') }}
    where {{ in_changed_seasons() }}

),

entries as (

    select * from {{ ref('int_championship__entries') }}
    where {{ in_changed_seasons() }}

),

computed as (

    select
        rules.championship,
        places.session_type,
        places.result_id,
        places.race_id,
        places.season,
        places.round,
        case rules.championship
            when 'drivers' then places.driver_id
            when 'entries' then entries.entry_id
            else places.constructor_id
        end as competitor_id,
        places.finishing_position,
        rules.scoring_cars,
        cast(coalesce(points_by_system.points, 0) as decimal(8, 2)) as points_computed
    from places
    inner join races
        on places.race_id = races.race_id
    inner join rules
        on places.season = rules.season
        and (rules.championship = 'drivers' or races.is_counted_for_constructors)
    left join points_by_system
        on places.session_type = points_by_system.session_type
        and places.result_id = points_by_system.result_id
        and rules.points_system = points_by_system.points_system
    left join entries
        on rules.championship = 'entries'
        and places.session_type = entries.session_type
        and places.result_id = entries.result_id

),

ranked as (

    select
        *,
        row_number() over (
            partition by championship, session_type, race_id, competitor_id
            order by points_computed desc, finishing_position asc nulls last, result_id asc
        ) as car_number_in_race
    from computed

),

final as (

    select
        championship,
        session_type,
        result_id,
        race_id,
        season,
        round,
        competitor_id,
        points_computed,
        scoring_cars = 'all' or car_number_in_race = 1 as is_scoring
    from ranked

)

select * from final
