with

lap_times as (

    select * from {{ ref('stg_ergast__lap_times') }}

),

results as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'race' and driver_entry_number = 1

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

misfiled_laps as (

    select * from {{ ref('int_laps__misfiled') }}

),

driver_laps as (

    select
        race_id,
        driver_id,
        count(*) as laps,
        sum(lap_time_ms) as laps_ms
    from lap_times
    group by race_id, driver_id

),

races_with_laps as (

    select distinct race_id from lap_times

),

compared_laps as (

    select
        results.race_id,
        results.driver_id,
        races.season,
        results.source_laps_completed as laps_completed,
        results.source_time_ms as time_ms,
        coalesce(driver_laps.laps, 0) as laps,
        driver_laps.laps_ms
    from results
    inner join races
        on results.race_id = races.race_id
    inner join races_with_laps
        on results.race_id = races_with_laps.race_id
    left join driver_laps
        on results.race_id = driver_laps.race_id
        and results.driver_id = driver_laps.driver_id

),

long_laps as (

    select
        lap_times.race_id,
        lap_times.driver_id,
        lap_times.lap_number,
        races.season,
        lap_times.lap_time_text
    from lap_times
    inner join races
        on lap_times.race_id = races.race_id
    where lap_times.lap_time_ms > {{ var('red_flag_ms') }}

),

laps_of_other_drivers as (

    select
        misfiled_laps.race_id,
        misfiled_laps.driver_id,
        races.season,
        misfiled_laps.reason,
        drivers.given_name || ' ' || drivers.family_name as actual_driver_name
    from misfiled_laps
    inner join races
        on misfiled_laps.race_id = races.race_id
    inner join drivers
        on misfiled_laps.actual_driver_id = drivers.driver_id

),

unioned as (

    select
        {{ anomaly(
            'laps_under_wrong_driver', 'lap_times', ['race_id', 'driver_id'],
            seen='{reason}',
            expected='laps of {actual_driver_name}'
        ) }}
    from laps_of_other_drivers

    union all

    select
        {{ anomaly(
            'lap_count_differs', 'lap_times', ['race_id', 'driver_id'],
            seen='{laps} laps',
            expected='{laps_completed} laps by the result'
        ) }}
    from compared_laps
    where laps <> laps_completed

    union all

    select
        {{ anomaly(
            'lap_sum_differs', 'lap_times', ['race_id', 'driver_id'],
            seen='{laps_ms} ms',
            expected='{time_ms} ms by the result, penalties included'
        ) }}
    from compared_laps
    where abs(laps_ms - time_ms) > {{ var('lap_sum_tolerance_ms') }}

    union all

    select
        {{ anomaly(
            'race_time_too_short', 'results', ['race_id', 'driver_id'],
            seen='{time_ms} ms',
            expected='{laps_ms} ms by the laps'
        ) }}
    from compared_laps
    where laps = laps_completed and laps_ms - time_ms > {{ var('lap_sum_tolerance_ms') }}

    union all

    select
        {{ anomaly(
            'lap_above_ten_minutes', 'lap_times', ['race_id', 'driver_id', 'lap_number'],
            seen='{lap_time_text}',
            expected='no lap time: the race was stopped'
        ) }}
    from long_laps

)

select * from unioned
