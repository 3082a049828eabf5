{%- set driver_columns = ['races', 'points', 'grids', 'grid_sum', 'order_sum', 'not_classified'] -%}
{%- set constructor_columns = [
    'races', 'cars', 'points', 'grids', 'grid_sum', 'best_grids', 'best_grid_sum', 'order_sum', 'not_classified'
] -%}
{%- set circuit_columns = ['cars', 'not_classified'] -%}

with

entrants as (

    select * from {{ ref('int_prediction__entrants') }}

),

standings as (

    select * from {{ ref('int_championship__standings') }}
    where championship = 'drivers'

),

qualifying_gaps as (

    select * from {{ ref('fct_qualifying_gaps') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

-- The races that are yet to come have the same number, and no result.
driver_races as (

    select
        driver_id,
        race_number,
        max(case when is_held then 1 else 0 end) as races,
        sum(points) as points,
        count(grid) as grids,
        sum(grid) as grid_sum,
        sum(finishing_order) as order_sum,
        sum(case when not is_classified then 1 else 0 end) as not_classified
    from entrants
    group by driver_id, race_number

),

driver_form as (

    select
        driver_id,
        race_number,
        {{ form_sums('driver', driver_columns) }}
    from driver_races

),

constructor_races as (

    select
        constructor_id,
        race_number,
        max(case when is_held then 1 else 0 end) as races,
        count(*) as cars,
        sum(points) as points,
        count(grid) as grids,
        sum(grid) as grid_sum,
        max(case when grid is not null then 1 else 0 end) as best_grids,
        min(grid) as best_grid_sum,
        sum(finishing_order) as order_sum,
        sum(case when not is_classified then 1 else 0 end) as not_classified
    from entrants
    group by constructor_id, race_number

),

constructor_form as (

    select
        constructor_id,
        race_number,
        {{ form_sums('constructor', constructor_columns) }}
    from constructor_races

),

circuit_races as (

    select
        races.circuit_id,
        entrants.race_number,
        sum(case when entrants.is_qualified then 1 else 0 end) as cars,
        sum(case when entrants.is_qualified and not entrants.is_classified then 1 else 0 end) as not_classified
    from entrants
    inner join races
        on entrants.race_id = races.race_id
    group by races.circuit_id, entrants.race_number

),

circuit_form as (

    select
        circuit_id,
        race_number,
        {{ form_sums('circuit', circuit_columns) }}
    from circuit_races

),

numbers_of_races as (

    select distinct
        race_id,
        race_number
    from entrants
    where is_held

),

-- Before the first race of a season, the last table of the season before.
places_before as (

    select
        standings.competitor_id as driver_id,
        numbers_of_races.race_number + 1 as race_number,
        standings.championship_position as championship_place,
        standings.points_counted as championship_points
    from standings
    inner join numbers_of_races
        on standings.race_id = numbers_of_races.race_id

),

qualifying_of_drivers as (

    select
        race_id,
        driver_id,
        min(qualifying_position) as qualifying_position,
        -- A time on a dry track says nothing beside one on a wet track.
        min(case when pole_comparison = 'other track' then null else gap_to_pole_ms end) as gap_to_pole_ms,
        min(deciding_ms) as pole_ms
    from qualifying_gaps
    group by race_id, driver_id

),

moments as (

    select
        'before_weekend' as known_at,
        entrants.race_id,
        entrants.race_number,
        entrants.driver_id,
        entrants.constructor_id,
        entrants.points_places,
        cast(null as integer) as grid,
        cast(null as integer) as qualifying_position,
        cast(null as integer) as gap_to_pole_ms,
        cast(null as integer) as pole_ms
    from entrants

    union all

    select
        'after_qualifying' as known_at,
        entrants.race_id,
        entrants.race_number,
        entrants.driver_id,
        entrants.constructor_id,
        entrants.points_places,
        entrants.grid,
        qualifying_of_drivers.qualifying_position,
        qualifying_of_drivers.gap_to_pole_ms,
        qualifying_of_drivers.pole_ms
    from entrants
    left join qualifying_of_drivers
        on entrants.race_id = qualifying_of_drivers.race_id
        and entrants.driver_id = qualifying_of_drivers.driver_id
    where entrants.is_qualified

),

final as (

    select
        moments.race_id,
        races.race_name,
        races.race_date,
        races.season,
        races.round,
        races.is_held,
        races.circuit_id,
        races.circuit_name,
        moments.driver_id,
        drivers.driver_name,
        moments.constructor_id,
        constructors.constructor_name,
        moments.known_at,
        cast(count(*) over (partition by moments.race_id, moments.known_at) as integer) as field_cars,
        moments.points_places,
        moments.grid,
        moments.qualifying_position,
        moments.gap_to_pole_ms,
        moments.pole_ms,
        places_before.championship_place,
        places_before.championship_points,
        {{ form_columns('driver', driver_columns) }},
        {{ form_columns('constructor', constructor_columns) }},
        {{ form_columns('circuit', circuit_columns) }}
    from moments
    inner join races
        on moments.race_id = races.race_id
    -- Each has its row. An inner join would let DuckDB first join the three to each other, by race alone.
    left join driver_form
        on moments.driver_id = driver_form.driver_id
        and moments.race_number = driver_form.race_number
    left join constructor_form
        on moments.constructor_id = constructor_form.constructor_id
        and moments.race_number = constructor_form.race_number
    left join circuit_form
        on races.circuit_id = circuit_form.circuit_id
        and moments.race_number = circuit_form.race_number
    left join places_before
        on moments.driver_id = places_before.driver_id
        and moments.race_number = places_before.race_number
    left join drivers
        on moments.driver_id = drivers.driver_id
    left join constructors
        on moments.constructor_id = constructors.constructor_id

)

select * from final
