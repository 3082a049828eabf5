with

results as (

    select * from {{ ref('stg_ergast__results') }}

),

outcomes as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'race'

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

pole_position_exceptions as (

    select * from {{ ref('pole_position_exceptions') }}

),

race_results as (

    select
        results.*,
        outcomes.finishing_position,
        outcomes.is_classified,
        races.season
    from results
    inner join outcomes
        on results.result_id = outcomes.result_id
    inner join races
        on results.race_id = races.race_id

),

repeated_drivers as (

    select
        race_id,
        driver_id,
        season,
        count(*) as results_of_driver
    from race_results
    group by race_id, driver_id, season
    having count(*) > 1

),

drivers_with_two_constructors as (

    select
        race_id,
        driver_id,
        season,
        count(distinct constructor_id) as constructors_of_driver
    from race_results
    group by race_id, driver_id, season
    having count(distinct constructor_id) > 1

),

shared_positions as (

    select
        race_id,
        finishing_position,
        season,
        count(*) as results_in_position
    from race_results
    where finishing_position is not null
    group by race_id, finishing_position, season
    having count(*) > 1

),

repeated_position_orders as (

    select
        race_id,
        position_order,
        season,
        count(*) as results_in_order
    from race_results
    group by race_id, position_order, season
    having count(*) > 1

),

other_orders as (

    select
        race_results.result_id,
        race_results.race_id,
        race_results.season,
        race_results.position_text,
        race_results.position_order
    from race_results
    left join repeated_position_orders
        on race_results.race_id = repeated_position_orders.race_id
    where
        race_results.finishing_position <> race_results.position_order
        and repeated_position_orders.race_id is null

),

repeated_grid_slots as (

    select
        race_id,
        source_grid,
        season,
        count(*) as results_in_slot
    from race_results
    where source_grid > 0
    group by race_id, source_grid, season
    having count(*) > 1

),

sprint_poles as (

    select
        races.race_id,
        races.season,
        drivers.driver_id,
        pole_position_exceptions.reason
    from pole_position_exceptions
    inner join races
        on pole_position_exceptions.season = races.season
        and pole_position_exceptions.round = races.round
    inner join drivers
        on pole_position_exceptions.driver_ref = drivers.driver_ref
    inner join race_results
        on races.race_id = race_results.race_id
        and drivers.driver_id = race_results.driver_id
        and pole_position_exceptions.car_number = race_results.car_number
    where race_results.source_grid <> 1

),

winning_times as (

    select
        race_id,
        min(time_ms) as time_ms
    from race_results
    where finishing_position = 1
    group by race_id

),

gaps as (

    select
        race_results.result_id,
        race_results.race_id,
        race_results.season,
        race_results.time_text,
        race_results.time_ms - winning_times.time_ms as gap_ms,
        {{ duration_to_ms('race_results.time_text') }} as gap_text_ms
    from race_results
    inner join winning_times
        on race_results.race_id = winning_times.race_id
    where race_results.time_text like '+%'

),

fastest_laps_of_race as (

    select
        race_id,
        season,
        count(fastest_lap_time_ms) as fastest_laps
    from race_results
    group by race_id, season

),

fastest_lap_years as (

    select {{ first_season() }} as first_season
    from fastest_laps_of_race
    where fastest_laps > 0

),

races_without_fastest_laps as (

    select
        fastest_laps_of_race.race_id,
        fastest_laps_of_race.season
    from fastest_laps_of_race
    inner join fastest_lap_years
        on fastest_laps_of_race.season >= fastest_lap_years.first_season
    where fastest_laps_of_race.fastest_laps = 0

),

unioned as (

    select
        'fastest_lap_after_last_lap' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['result_id']) }} as source_key,
        race_id,
        season,
        'fastest lap on lap ' || cast(fastest_lap_number as {{ dbt.type_string() }}) as seen,
        'no later than lap ' || cast(laps_completed as {{ dbt.type_string() }}) as expected
    from race_results
    where
        fastest_lap_number > laps_completed

    union all

    select
        'position_of_unclassified' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['result_id']) }} as source_key,
        race_id,
        season,
        'position ' || cast(source_position as {{ dbt.type_string() }}) || ', text ' || position_text as seen,
        'no position' as expected
    from race_results
    where
        source_position is not null
        and not is_classified

    union all

    select
        'position_missing' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['result_id']) }} as source_key,
        race_id,
        season,
        'no position, text ' || position_text as seen,
        'position ' || position_text as expected
    from race_results
    where
        source_position is null
        and is_classified

    union all

    select
        'position_differs_from_order' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['result_id']) }} as source_key,
        race_id,
        season,
        'position ' || position_text || ', order ' || cast(position_order as {{ dbt.type_string() }}) as seen,
        'the position; order only sorts the sheet' as expected
    from other_orders

    union all

    select
        'driver_repeated_in_race' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['race_id', 'driver_id']) }} as source_key,
        race_id,
        season,
        cast(results_of_driver as {{ dbt.type_string() }}) || ' results' as seen,
        'each is a car that he drove; all are kept' as expected
    from repeated_drivers

    union all

    select
        'two_constructors_in_race' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['race_id', 'driver_id']) }} as source_key,
        race_id,
        season,
        cast(constructors_of_driver as {{ dbt.type_string() }}) || ' constructors' as seen,
        'each is an entry; all are kept' as expected
    from drivers_with_two_constructors

    union all

    select
        'position_shared' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['race_id', 'finishing_position']) }} as source_key,
        race_id,
        season,
        cast(results_in_position as {{ dbt.type_string() }}) || ' results' as seen,
        'drivers who shared a car; all are kept' as expected
    from shared_positions

    union all

    select
        'position_order_repeated' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['race_id', 'position_order']) }} as source_key,
        race_id,
        season,
        cast(results_in_order as {{ dbt.type_string() }}) || ' results' as seen,
        'no key; use result_id' as expected
    from repeated_position_orders

    union all

    select
        'grid_slot_repeated' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['race_id', 'source_grid']) }} as source_key,
        race_id,
        season,
        cast(results_in_slot as {{ dbt.type_string() }}) || ' results' as seen,
        'one car; pole belongs to its starter' as expected
    from repeated_grid_slots

    union all

    select
        'pole_not_in_slot_1' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['race_id', 'driver_id']) }} as source_key,
        race_id,
        season,
        'not in grid slot 1' as seen,
        'pole position. ' || reason as expected
    from sprint_poles

    union all

    select
        'gap_text_differs' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['result_id']) }} as source_key,
        race_id,
        season,
        time_text as seen,
        '+' || cast(gap_ms as {{ dbt.type_string() }}) || ' ms by the race times' as expected
    from gaps
    where
        gap_text_ms <> gap_ms

    union all

    select
        'fastest_laps_missing' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['race_id']) }} as source_key,
        race_id,
        season,
        'no fastest laps' as seen,
        'a fastest lap for each driver who ran one' as expected
    from races_without_fastest_laps

    union all

    select
        'fastest_lap_rank_zero' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['result_id']) }} as source_key,
        race_id,
        season,
        'rank 0' as seen,
        'no rank' as expected
    from race_results
    where
        fastest_lap_rank = 0

    union all

    select
        'fastest_lap_speed_missing' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['result_id']) }} as source_key,
        race_id,
        season,
        'no speed' as seen,
        'the average speed of the lap' as expected
    from race_results
    where
        fastest_lap_time_ms is not null
        and fastest_lap_speed_kph is null

    union all

    select
        'did_not_start_with_laps' as anomaly_kind,
        'results' as source_table,
        {{ anomaly_key(['result_id']) }} as source_key,
        race_id,
        season,
        'text ' || position_text || ', ' || cast(laps_completed as {{ dbt.type_string() }}) || ' laps' as seen,
        'started' as expected
    from race_results
    where
        position_text in ('F', 'W')
        and laps_completed > 0

)

select * from unioned
