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

sprint_outcomes as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'sprint'

),

pit_stops as (

    select * from {{ ref('stg_ergast__pit_stops') }}

),

race_results as (

    select
        results.*,
        outcomes.source_finishing_position,
        outcomes.is_classified,
        outcomes.source_winner_time_ms,
        outcomes.non_start_reason,
        outcomes.is_started,
        {{ pit_lane_start() }} as is_pit_lane_start,
        outcomes.laps_completed as laps_counted,
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
        count(*) as results_in_slot,
        case
            when count(distinct car_number) = 1 then 'the drivers of one car'
            else 'one result; the slot of one car is wrong'
        end as explanation
    from race_results
    where source_grid > 0
    group by race_id, source_grid, season
    having count(*) > 1

),

seasons_without_pit_lane_starts as (

    select
        cast(null as integer) as race_id,
        season,
        count(*) as starts
    from race_results
    where is_started and is_pit_lane_start is null
    group by season

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

winner_laps as (

    select
        race_id,
        max(laps_completed) as winner_laps
    from race_results
    where source_finishing_position = 1
    group by race_id

),

-- The least number of laps is rounded down.
distances as (

    select
        race_results.result_id,
        race_results.race_id,
        race_results.season,
        race_results.position_text,
        race_results.laps_completed,
        race_results.is_classified,
        cast(
            floor(winner_laps.winner_laps * {{ var('classified_distance_percent') }} / 100.0) as integer
        ) as least_laps
    from race_results
    inner join winner_laps
        on race_results.race_id = winner_laps.race_id
    where
        race_results.season >= {{ var('first_classified_distance_season') }}
        and (race_results.is_classified or race_results.position_text in ('R', 'N'))

),

short_sprints as (

    select
        sprint_outcomes.result_id as sprint_result_id,
        sprint_outcomes.race_id,
        races.season,
        sprint_outcomes.position_text,
        sprint_outcomes.laps_completed
    from sprint_outcomes
    inner join races
        on sprint_outcomes.race_id = races.race_id
    where
        sprint_outcomes.position_text not in ('R', 'D', 'E', 'F', 'N', 'W')
        and not sprint_outcomes.is_classified

),

laps_of_pit_stops as (

    select
        race_id,
        driver_id,
        max(lap_number) as last_stop_lap
    from pit_stops
    group by race_id, driver_id

),

disqualified_without_laps as (

    select
        race_results.result_id,
        race_results.race_id,
        race_results.season,
        greatest(
            race_results.laps_counted,
            coalesce(laps_of_pit_stops.last_stop_lap, 0),
            coalesce(race_results.fastest_lap_number, 0)
        ) as laps_known
    from race_results
    left join laps_of_pit_stops
        on race_results.race_id = laps_of_pit_stops.race_id
        and race_results.driver_id = laps_of_pit_stops.driver_id
    where race_results.position_text = 'D' and race_results.laps_completed = 0

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
            expected='{explanation}'
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
            'start_not_taken', 'results', ['result_id'],
            seen='text {position_text}, grid slot {source_grid}',
            expected='no start. {non_start_reason}'
        ) }}
    from race_results
    where non_start_reason is not null

    union all

    select
        {{ anomaly(
            'pit_lane_start_not_marked', 'results', ['result_id'],
            seen='grid slot {source_grid}',
            expected='a start from the pit lane'
        ) }}
    from race_results
    where is_pit_lane_start and source_grid > 0

    union all

    select
        {{ anomaly(
            'pit_lane_starts_missing', 'results', ['season'],
            seen='{starts} starts from slots of the grid',
            expected='starts from the pit lane apart from those'
        ) }}
    from seasons_without_pit_lane_starts

    union all

    select
        {{ anomaly(
            'classified_short_of_distance', 'results', ['result_id'],
            seen='text {position_text}, {laps_completed} laps',
            expected='not classified with fewer than {least_laps} laps'
        ) }}
    from distances
    where is_classified and laps_completed < least_laps

    union all

    select
        {{ anomaly(
            'unclassified_with_distance', 'results', ['result_id'],
            seen='text {position_text}, {laps_completed} laps',
            expected='classified with at least {least_laps} laps'
        ) }}
    from distances
    where not is_classified and laps_completed >= least_laps

    union all

    select
        {{ anomaly(
            'sprint_classified_short_of_distance', 'sprint_results', ['sprint_result_id'],
            seen='text {position_text}, {laps_completed} laps',
            expected='not classified'
        ) }}
    from short_sprints

    union all

    select
        {{ anomaly(
            'laps_of_disqualified_missing', 'results', ['result_id'],
            seen='0 laps',
            expected='at least {laps_known} laps by the other files'
        ) }}
    from disqualified_without_laps
    where laps_known > 0

)

select * from unioned
