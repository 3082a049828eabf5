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

race_and_sprint_results as (

    select * from {{ ref('int_results__race_and_sprint_results') }}

),

corrected_times as (

    select * from {{ ref('int_results__corrected_times') }}

),

corrected_places as (

    select * from {{ ref('int_results__corrected_places') }}

),

corrected_fastest_laps as (

    select * from {{ ref('int_results__corrected_fastest_laps') }}

),

driver_laps as (

    select * from {{ ref('int_laps__by_driver') }}

),

race_results as (

    select
        results.*,
        outcomes.source_finishing_position,
        outcomes.is_classified,
        outcomes.source_winner_time_ms,
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
        source_finishing_position as finishing_position,
        season,
        count(*) as results_in_position
    from race_results
    where source_finishing_position is not null
    group by race_id, source_finishing_position, season
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
        race_results.source_finishing_position <> race_results.position_order
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

gaps as (

    select
        result_id,
        race_id,
        season,
        time_text,
        time_ms - source_winner_time_ms as gap_ms,
        {{ duration_to_ms('time_text') }} as gap_text_ms
    from race_results
    where time_text like '+%'

),

wrong_times as (

    select
        corrected_times.*,
        case session_type when 'race' then 'results' else 'sprint_results' end as table_name
    from corrected_times

),

wrong_places as (

    select
        corrected_places.*,
        case session_type when 'race' then 'results' else 'sprint_results' end as table_name
    from corrected_places

),

-- By the source's own times and places, corrected or not.
timed as (

    select
        race_and_sprint_results.session_type,
        case race_and_sprint_results.session_type when 'race' then 'results' else 'sprint_results' end as table_name,
        race_and_sprint_results.result_id,
        race_and_sprint_results.race_id,
        races.season,
        race_and_sprint_results.position_text,
        race_and_sprint_results.time_ms,
        max(race_and_sprint_results.time_ms) over (
            partition by races.season, race_and_sprint_results.session_type, race_and_sprint_results.race_id
            order by cast(race_and_sprint_results.position_text as integer)
        ) as longest_time_ms
    from race_and_sprint_results
    inner join races
        on race_and_sprint_results.race_id = races.race_id
    where
        race_and_sprint_results.position_text not in ('R', 'D', 'E', 'F', 'N', 'W')
        and race_and_sprint_results.time_ms is not null

),

compared_fastest_laps as (

    select
        race_results.result_id,
        race_results.race_id,
        race_results.season,
        race_results.fastest_lap_number,
        race_results.fastest_lap_time_ms,
        driver_laps.best_counted_lap_ms
    from race_results
    inner join driver_laps
        on race_results.race_id = driver_laps.race_id
        and race_results.driver_id = driver_laps.driver_id

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
        {{ anomaly(
            'fastest_lap_after_last_lap', 'results', ['result_id'],
            seen='fastest lap on lap {fastest_lap_number}',
            expected='no later than lap {laps_completed}'
        ) }}
    from race_results
    where fastest_lap_number > laps_completed

    union all

    select
        {{ anomaly(
            'position_of_unclassified', 'results', ['result_id'],
            seen='position {source_position}, text {position_text}',
            expected='no position'
        ) }}
    from race_results
    where source_position is not null and not is_classified

    union all

    select
        {{ anomaly(
            'position_missing', 'results', ['result_id'],
            seen='no position, text {position_text}',
            expected='position {position_text}'
        ) }}
    from race_results
    where source_position is null and is_classified

    union all

    select
        {{ anomaly(
            'position_differs_from_order', 'results', ['result_id'],
            seen='position {position_text}, order {position_order}',
            expected='the position; order only sorts the sheet'
        ) }}
    from other_orders

    union all

    select
        {{ anomaly(
            'driver_repeated_in_race', 'results', ['race_id', 'driver_id'],
            seen='{results_of_driver} results',
            expected='each is a car that he drove; all are kept'
        ) }}
    from repeated_drivers

    union all

    select
        {{ anomaly(
            'two_constructors_in_race', 'results', ['race_id', 'driver_id'],
            seen='{constructors_of_driver} constructors',
            expected='each is an entry; all are kept'
        ) }}
    from drivers_with_two_constructors

    union all

    select
        {{ anomaly(
            'position_shared', 'results', ['race_id', 'finishing_position'],
            seen='{results_in_position} results',
            expected='drivers who shared a car; all are kept'
        ) }}
    from shared_positions

    union all

    select
        {{ anomaly(
            'position_order_repeated', 'results', ['race_id', 'position_order'],
            seen='{results_in_order} results',
            expected='no key; use result_id'
        ) }}
    from repeated_position_orders

    union all

    select
        {{ anomaly(
            'grid_slot_repeated', 'results', ['race_id', 'source_grid'],
            seen='{results_in_slot} results',
            expected='one car; pole belongs to its starter'
        ) }}
    from repeated_grid_slots

    union all

    select
        {{ anomaly(
            'pole_not_in_slot_1', 'results', ['race_id', 'driver_id'],
            seen='not in grid slot 1',
            expected='pole position. {reason}'
        ) }}
    from sprint_poles

    union all

    select
        {{ anomaly(
            'gap_text_differs', 'results', ['result_id'],
            seen='{time_text}',
            expected='+{gap_ms} ms by the race times'
        ) }}
    from gaps
    where gap_text_ms <> gap_ms

    union all

    select
        {{ anomaly(
            'fastest_laps_missing', 'results', ['race_id'],
            seen='no fastest laps',
            expected='a fastest lap for each driver who ran one'
        ) }}
    from races_without_fastest_laps

    union all

    select
        {{ anomaly(
            'fastest_lap_rank_zero', 'results', ['result_id'],
            seen='rank 0',
            expected='no rank'
        ) }}
    from race_results
    where fastest_lap_rank = 0

    union all

    select
        {{ anomaly(
            'fastest_lap_speed_missing', 'results', ['result_id'],
            seen='no speed',
            expected='the average speed of the lap'
        ) }}
    from race_results
    where fastest_lap_time_ms is not null and fastest_lap_speed_kph is null

    union all

    select
        {{ anomaly(
            'did_not_start_with_laps', 'results', ['result_id'],
            seen='text {position_text}, {laps_completed} laps',
            expected='started'
        ) }}
    from race_results
    where position_text in ('F', 'W') and laps_completed > 0

    union all

    select
        {{ anomaly(
            'race_time_wrong', '{table_name}', ['result_id'],
            seen='{source_time_ms} ms',
            expected='{time_ms} ms by the {time_basis}'
        ) }}
    from wrong_times

    union all

    select
        {{ anomaly(
            'order_differs_from_times', '{table_name}', ['result_id'],
            seen='position {position_text} after {time_ms} ms',
            expected='no less than {longest_time_ms} ms, the time of a car ahead'
        ) }}
    from timed
    where time_ms < longest_time_ms

    union all

    select
        {{ anomaly(
            'finishing_position_wrong', '{table_name}', ['result_id'],
            seen='position {source_finishing_position}',
            expected='position {finishing_position}: {reason}'
        ) }}
    from wrong_places

    union all

    select
        {{ anomaly(
            'fastest_lap_differs_from_laps', 'results', ['result_id'],
            seen='{fastest_lap_time_ms} ms on lap {fastest_lap_number}',
            expected='{best_counted_lap_ms} ms, the least of the laps, if that lap counts'
        ) }}
    from compared_fastest_laps
    where fastest_lap_time_ms <> best_counted_lap_ms

    union all

    select
        {{ anomaly(
            'fastest_lap_of_other_driver', 'results', ['result_id'],
            seen='{source_fastest_lap_time_ms} ms on lap {source_fastest_lap_number}, a lap of another driver',
            expected='{fastest_lap_time_ms} ms on lap {fastest_lap_number}'
        ) }}
    from corrected_fastest_laps

)

select * from unioned