{{ config(materialized='by_season') }}

with

outcomes as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'race'

),

qualifying as (

    select * from {{ ref('int_qualifying__lap_times') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

-- One scale for all seasons, so that a win of 1955 and one of 2025 are worth the same.
points_by_position as (

    select * from {{ ref('points_by_position') }}
    where points_system = 'points_2010' and session_type = 'race'

),

cars as (

    select
        *,
        min(grid_position) over (partition by race_id, driver_id) as best_grid
    from outcomes

),

-- A driver with several cars has one row. Their constructor is that of the car with the best slot.
drives as (

    select
        race_id,
        driver_id,
        min(case when best_grid is null or grid_position = best_grid then constructor_id end) as constructor_id,
        min(grid_position) as grid,
        min(position_order) as finishing_order,
        min(finishing_position) as finishing_position,
        bool_or(is_classified) as is_classified,
        not bool_and(position_text = 'F') as is_qualified
    from cars
    group by race_id, driver_id

),

races_held as (

    select distinct race_id from outcomes

),

-- Before the race its grid is not known. The order of qualifying comes closest.
qualified as (

    select
        qualifying.race_id,
        qualifying.driver_id,
        min(qualifying.constructor_id) as constructor_id,
        min(qualifying.qualifying_position) as grid
    from qualifying
    left join races_held
        on qualifying.race_id = races_held.race_id
    where races_held.race_id is null
    group by qualifying.race_id, qualifying.driver_id

),

entries as (

    select
        race_id,
        driver_id,
        constructor_id,
        grid,
        finishing_order,
        finishing_position,
        is_classified,
        is_qualified
    from drives

    union all

    select
        race_id,
        driver_id,
        constructor_id,
        grid,
        cast(null as integer) as finishing_order,
        cast(null as integer) as finishing_position,
        cast(null as boolean) as is_classified,
        true as is_qualified
    from qualified

),

final as (

    select
        entries.race_id,
        races.season,
        entries.driver_id,
        entries.constructor_id,
        entries.grid,
        entries.finishing_order,
        cast(coalesce(points_by_position.points, 0) as integer) as points,
        entries.is_classified,
        entries.is_qualified
    from entries
    inner join races
        on entries.race_id = races.race_id
    left join points_by_position
        on entries.finishing_position = points_by_position.position

)

select * from final
