with

qualifying as (

    select * from {{ ref('stg_ergast__qualifying') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

results as (

    select * from {{ ref('stg_ergast__results') }}

),

exclusions as (

    select * from {{ ref('qualifying_exclusions') }}

),

excluded_drivers as (

    select
        races.race_id,
        drivers.driver_id,
        exclusions.reason as exclusion_reason
    from exclusions
    inner join races
        on exclusions.season = races.season
        and exclusions.round = races.round
    inner join drivers
        on exclusions.driver_ref = drivers.driver_ref

),

-- A driver with two cars in a race had one of them in qualifying; then the slot is not known.
grid_slots as (

    select
        race_id,
        driver_id,
        case when min(source_grid) = max(source_grid) then min(source_grid) end as source_grid
    from results
    group by race_id, driver_id

),

formats as (

    select
        qualifying.*,
        races.season,
        grid_slots.source_grid,
        excluded_drivers.exclusion_reason,
        excluded_drivers.driver_id is not null as is_excluded,
        case
            when races.season >= {{ var('first_knockout_season') }} then 'knockout'
            when count(qualifying.q2_ms) over (partition by qualifying.race_id) > 0 then 'aggregate'
            else 'single'
        end as qualifying_format
    from qualifying
    inner join races
        on qualifying.race_id = races.race_id
    left join grid_slots
        on qualifying.race_id = grid_slots.race_id
        and qualifying.driver_id = grid_slots.driver_id
    left join excluded_drivers
        on qualifying.race_id = excluded_drivers.race_id
        and qualifying.driver_id = excluded_drivers.driver_id

),

-- Sessions with a time, and the time of the last one. Of two sessions whose times are added, both count.
timed as (

    select
        *,
        case
            when qualifying_format = 'knockout' and q3_ms is not null then 3
            when qualifying_format = 'knockout' and q2_ms is not null then 2
            when qualifying_format = 'aggregate' and q1_ms is not null and q2_ms is not null then 2
            when q1_ms is not null then 1
            else 0
        end as sessions,
        case
            when qualifying_format = 'knockout' then coalesce(q3_ms, q2_ms, q1_ms)
            when qualifying_format = 'aggregate' then coalesce(q1_ms + q2_ms, q1_ms)
            else q1_ms
        end as deciding_ms
    from formats

),

ordered as (

    select
        *,
        row_number() over (
            partition by race_id
            order by sessions desc, deciding_ms asc nulls last, qualifying_position asc, qualifying_result_id asc
        ) as position_by_times
    from timed

),

-- The list is the grid if each driver's position is the slot, and the driver who is furthest from the place of the times
-- is behind it: a penalty moves one driver back and the others up. A missing time does the opposite.
races_with_grid as (

    select race_id
    from ordered
    group by race_id
    having
        count(*) = count(case when qualifying_position = source_grid then 1 end)
        and max(qualifying_position - position_by_times) >= {{ var('penalty_places') }}
        and max(qualifying_position - position_by_times) > max(position_by_times - qualifying_position)

),

decided as (

    select
        ordered.*,
        races_with_grid.race_id is not null as is_by_times,
        case
            when races_with_grid.race_id is not null then ordered.position_by_times else ordered.qualifying_position
        end as decided_position,
        count(case when ordered.is_excluded then 1 end) over (partition by ordered.race_id) as excluded_in_race
    from ordered
    left join races_with_grid
        on ordered.race_id = races_with_grid.race_id

),

-- The source puts excluded drivers behind all others where it knows of the exclusion.
final as (

    select
        qualifying_result_id,
        race_id,
        season,
        driver_id,
        constructor_id,
        car_number,
        case
            when excluded_in_race = 0 then cast(decided_position as integer)
            else cast(
                row_number() over (
                    partition by race_id
                    order by
                        case when is_excluded then 1 else 0 end asc,
                        decided_position asc,
                        qualifying_result_id asc
                ) as integer
            )
        end as qualifying_position,
        qualifying_position as source_qualifying_position,
        case
            when excluded_in_race > 0 then 'exclusion'
            when is_by_times then 'times'
            else 'source'
        end as qualifying_position_basis,
        is_excluded as is_excluded_from_qualifying,
        exclusion_reason,
        q1_ms,
        q2_ms,
        q3_ms
    from decided

)

select * from final
