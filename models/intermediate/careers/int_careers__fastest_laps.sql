with

outcomes as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'race'

),

laps as (

    select * from {{ ref('int_laps__by_driver') }}
    where best_counted_lap_ms is not null

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

known_holders as (

    select * from {{ ref('fastest_laps') }}

),

-- A driver may have had two cars in the race.
from_records as (

    select distinct
        outcomes.race_id,
        outcomes.driver_id
    from known_holders
    inner join races
        on known_holders.season = races.season
        and known_holders.round = races.round
    inner join drivers
        on known_holders.driver_ref = drivers.driver_ref
    inner join outcomes
        on races.race_id = outcomes.race_id
        and drivers.driver_id = outcomes.driver_id

),

ranked as (

    select distinct
        races.season,
        outcomes.race_id,
        outcomes.driver_id
    from outcomes
    inner join races
        on outcomes.race_id = races.race_id
    where outcomes.fastest_lap_rank = 1

),

from_ranks as (

    select
        ranked.race_id,
        ranked.driver_id
    from ranked
    left join from_records
        on ranked.race_id = from_records.race_id
    where from_records.race_id is null

),

ranked_seasons as (

    select distinct season from ranked

),

laps_in_order as (

    select
        race_id,
        driver_id,
        rank() over (partition by race_id order by best_counted_lap_ms asc) as lap_rank
    from laps

),

-- Only before the source has ranks: they leave out laps whose time was taken away, and the laps do not.
from_laps as (

    select
        laps_in_order.race_id,
        laps_in_order.driver_id
    from laps_in_order
    inner join races
        on laps_in_order.race_id = races.race_id
    left join ranked_seasons
        on races.season = ranked_seasons.season
    left join from_records
        on laps_in_order.race_id = from_records.race_id
    where
        laps_in_order.lap_rank = 1
        and ranked_seasons.season is null
        and from_records.race_id is null

),

final as (

    select * from from_records

    union all

    select * from from_ranks

    union all

    select * from from_laps

)

select * from final
