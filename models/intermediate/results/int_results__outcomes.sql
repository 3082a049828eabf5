with

results as (

    select * from {{ ref('int_results__race_and_sprint_results') }}

),

statuses as (

    select * from {{ ref('int_results__statuses') }}

),

corrections as (

    select * from {{ ref('int_results__corrections') }}

),

corrected as (

    select
        results.session_type,
        results.result_id,
        results.race_id,
        results.driver_id,
        results.constructor_id,
        results.car_number,
        results.source_grid,
        results.position_text,
        results.position_order,
        results.points,
        coalesce(corrections.laps_completed, results.laps_completed) as laps_completed,
        results.laps_completed as source_laps_completed,
        results.time_ms,
        results.fastest_lap_number,
        results.fastest_lap_rank,
        results.fastest_lap_time_ms,
        results.fastest_lap_speed_kph,
        results.status_id,
        corrections.non_start_reason,
        coalesce(corrections.is_short_of_distance, false) as is_short_of_distance
    from results
    left join corrections
        on results.session_type = corrections.session_type
        and results.result_id = corrections.result_id

),

-- A letter instead of a number says that the car was not classified. The source's own `position` does not say it:
-- it is filled for the unclassified from 2025, and missing for two of the classified in 2005.
classified as (

    select
        corrected.*,
        statuses.status,
        statuses.status_group,
        statuses.status_category,
        case
            when corrected.position_text not in ('R', 'D', 'E', 'F', 'N', 'W') and not corrected.is_short_of_distance
                then cast(corrected.position_text as integer)
        end as finishing_position
    from corrected
    left join statuses
        on corrected.status_id = statuses.status_id

),

-- Drivers who share a car have the same result in the same car.
counted as (

    select
        *,
        count(*) over (
            partition by session_type, race_id, constructor_id, car_number, position_text, laps_completed
        ) as drivers_of_car,
        cast(
            row_number() over (
                partition by session_type, race_id, driver_id
                order by finishing_position asc nulls last, laps_completed desc, position_order asc, result_id asc
            ) as integer
        ) as driver_entry_number,
        min(case when finishing_position = 1 then time_ms end) over (
            partition by session_type, race_id
        ) as winner_time_ms
    from classified

),

judged as (

    select
        *,
        finishing_position is not null as is_classified,
        -- Retired, disqualified or excluded cars started if they ran a lap or had a slot on the grid.
        non_start_reason is null
        and (
            laps_completed > 0
            or finishing_position is not null
            or (position_text in ('R', 'N', 'D') and source_grid > 0)
            or is_short_of_distance
        ) as is_started,
        status_category = 'running' and position_text not in ('R', 'D', 'E', 'F', 'W') as is_finished,
        car_number is not null and laps_completed > 0 and drivers_of_car > 1 as is_shared_drive
    from counted

),

final as (

    select
        session_type,
        result_id,
        race_id,
        driver_id,
        constructor_id,
        status_id,
        status,
        car_number,
        nullif(source_grid, 0) as grid_position,
        source_grid = 0 and is_started as is_pit_lane_start,
        case
            when source_grid = 0 and is_started then 'pit lane'
            when source_grid > 0 then cast(source_grid as {{ dbt.type_string() }})
        end as grid,
        finishing_position,
        position_text,
        position_order,
        is_classified,
        is_started,
        non_start_reason,
        is_finished,
        position_text in ('D', 'E') as is_disqualified,
        -- A classified car may have stopped before the flag, so this does not look at the classification.
        case
            when is_finished then null
            when position_text in ('D', 'E') then 'disqualified'
            when status_category = 'running' then 'unknown'
            else status_group
        end as reason_out_group,
        case when not is_finished then status end as reason_out,
        is_shared_drive,
        driver_entry_number,
        points,
        laps_completed,
        source_laps_completed,
        time_ms,
        winner_time_ms,
        fastest_lap_number,
        nullif(fastest_lap_rank, 0) as fastest_lap_rank,
        fastest_lap_time_ms,
        fastest_lap_speed_kph
    from judged

)

select * from final
