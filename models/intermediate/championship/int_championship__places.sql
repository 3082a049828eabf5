{{ config(materialized='by_season') }}

with

outcomes as (

    select * from {{ ref('int_results__outcomes') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

place_exceptions as (

    select * from {{ ref('place_exceptions') }}

),

fastest_laps as (

    select * from {{ ref('fastest_laps') }}

),

results as (

    select
        outcomes.*,
        races.season,
        races.round,
        drivers.driver_ref
    from outcomes
    inner join races
        on outcomes.race_id = races.race_id
    inner join drivers
        on outcomes.driver_id = drivers.driver_id

),

-- The seed names the driver. It names the car if it was not the one with their best result.
named_fastest_laps as (

    select
        results.race_id,
        results.result_id,
        fastest_laps.share
    from results
    inner join fastest_laps
        on results.season = fastest_laps.season
        and results.round = fastest_laps.round
        and results.driver_ref = fastest_laps.driver_ref
        and (
            results.car_number = fastest_laps.car_number
            or (fastest_laps.car_number is null and results.driver_entry_number = 1)
        )
    where results.session_type = 'race'

),

races_with_named_fastest_lap as (

    select distinct race_id from named_fastest_laps

),

race_places as (

    select
        results.*,
        case
            when for_points.purpose is not null then for_points.place
            else results.finishing_position
        end as scoring_position,
        results.finishing_position as countback_position,
        case
            when for_countback.purpose is not null then for_countback.place
            else results.finishing_position
        end as table_place,
        case
            when for_listing.purpose is not null then for_listing.place
            when results.finishing_position is null and results.position_text <> 'D' then results.position_order
        end as listing_order,
        cast(
            case
                when named_fastest_laps.share is not null then named_fastest_laps.share
                when races_with_named_fastest_lap.race_id is null and results.fastest_lap_rank = 1 then 1
                else 0
            end as decimal(4, 2)
        ) as fastest_lap_share
    from results
    left join place_exceptions as for_points
        on results.season = for_points.season
        and results.round = for_points.round
        and results.driver_ref = for_points.driver_ref
        and coalesce(results.finishing_position, 0) = coalesce(for_points.finishing_position, 0)
        and for_points.purpose = 'points'
    left join place_exceptions as for_countback
        on results.season = for_countback.season
        and results.round = for_countback.round
        and results.driver_ref = for_countback.driver_ref
        and coalesce(results.finishing_position, 0) = coalesce(for_countback.finishing_position, 0)
        and for_countback.purpose = 'countback'
    left join place_exceptions as for_listing
        on results.season = for_listing.season
        and results.round = for_listing.round
        and results.driver_ref = for_listing.driver_ref
        and coalesce(results.finishing_position, 0) = coalesce(for_listing.finishing_position, 0)
        and for_listing.purpose = 'listing'
    left join named_fastest_laps
        on results.result_id = named_fastest_laps.result_id
    left join races_with_named_fastest_lap
        on results.race_id = races_with_named_fastest_lap.race_id
    where results.session_type = 'race'

),

-- A sprint gives points and nothing else: its places are no tie-break, and its fastest lap scores nothing.
places as (

    select
        session_type,
        result_id,
        race_id,
        season,
        round,
        driver_id,
        constructor_id,
        finishing_position,
        scoring_position,
        countback_position,
        table_place,
        listing_order,
        fastest_lap_share
    from race_places

    union all

    select
        session_type,
        result_id,
        race_id,
        season,
        round,
        driver_id,
        constructor_id,
        finishing_position,
        finishing_position as scoring_position,
        cast(null as integer) as countback_position,
        cast(null as integer) as table_place,
        cast(null as integer) as listing_order,
        cast(0 as decimal(4, 2)) as fastest_lap_share
    from results
    where session_type = 'sprint'

),

final as (

    select
        *,
        cast(
            count(*) over (partition by session_type, race_id, scoring_position) as integer
        ) as drivers_of_place
    from places

)

select * from final
