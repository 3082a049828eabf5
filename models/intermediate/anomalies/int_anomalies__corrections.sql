with

results as (

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

races as (

    select * from {{ ref('stg_ergast__races') }}

),

wrong_times as (

    select
        *,
        case session_type when 'race' then 'results' else 'sprint_results' end as table_name
    from corrected_times

),

wrong_places as (

    select
        *,
        case session_type when 'race' then 'results' else 'sprint_results' end as table_name
    from corrected_places

),

-- By the source's own times and places, corrected or not.
timed as (

    select
        case results.session_type when 'race' then 'results' else 'sprint_results' end as table_name,
        results.result_id,
        results.race_id,
        races.season,
        results.position_text,
        results.time_ms,
        max(results.time_ms) over (
            partition by races.season, results.session_type, results.race_id
            order by cast(results.position_text as integer) asc, results.time_ms asc
            rows between unbounded preceding and current row
        ) as longest_time_ms
    from results
    inner join races
        on results.race_id = races.race_id
    where
        results.position_text not in ('R', 'D', 'E', 'F', 'N', 'W')
        and results.time_ms is not null

),

fastest_laps as (

    select
        results.result_id,
        results.race_id,
        races.season,
        results.fastest_lap_number,
        results.fastest_lap_time_ms,
        driver_laps.best_counted_lap_ms
    from results
    inner join races
        on results.race_id = races.race_id
    inner join driver_laps
        on results.race_id = driver_laps.race_id
        and results.driver_id = driver_laps.driver_id
    where
        results.session_type = 'race'
        and results.fastest_lap_time_ms <> driver_laps.best_counted_lap_ms

),

unioned as (

    select
        {{ anomaly(
            'race_time_wrong', '{table_name}', ['result_id'],
            seen='{source_time_ms} ms',
            expected='{time_ms} ms, by: {time_basis}'
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
            expected='position {finishing_position}. {reason}'
        ) }}
    from wrong_places

    union all

    select
        {{ anomaly(
            'fastest_lap_differs_from_laps', 'results', ['result_id'],
            seen='{fastest_lap_time_ms} ms on lap {fastest_lap_number}',
            expected='{best_counted_lap_ms} ms, the least of the laps, if that lap counts'
        ) }}
    from fastest_laps

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
