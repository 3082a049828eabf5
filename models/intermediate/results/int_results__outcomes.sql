with

results as (

    select * from {{ ref('int_results__race_and_sprint_results') }}

),

statuses as (

    select * from {{ ref('int_results__statuses') }}

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

corrections as (

    select * from {{ ref('int_results__corrected_outcomes') }}

),

-- A letter instead of a number says that the car was not classified. The source's own `position` does not say it:
-- it is filled for the unclassified from 2025, and missing for two of the classified in 2005.
classified as (

    select
        results.*,
        statuses.status,
        statuses.status_group,
        statuses.status_category,
        case
            when results.position_text not in ('R', 'D', 'E', 'F', 'N', 'W') then cast(results.position_text as integer)
        end as source_finishing_position
    from results
    left join statuses
        on results.status_id = statuses.status_id

),

-- Where rules or seeds decide that the source is wrong, their value. The source's stays beside it.
corrected as (

    select
        classified.session_type,
        classified.result_id,
        classified.race_id,
        classified.driver_id,
        classified.constructor_id,
        classified.car_number,
        classified.source_grid,
        classified.points,
        coalesce(corrections.laps_completed, classified.laps_completed) as laps_completed,
        classified.laps_completed as source_laps_completed,
        coalesce(corrections.is_pit_lane_start, false) as is_unmarked_pit_lane_start,
        corrections.non_start_reason,
        coalesce(corrections.is_short_of_distance, false) as is_short_of_distance,
        classified.status_id,
        classified.status,
        classified.status_group,
        classified.status_category,
        classified.source_finishing_position,
        case
            when not coalesce(corrections.is_short_of_distance, false)
                then coalesce(corrected_places.finishing_position, classified.source_finishing_position)
        end as finishing_position,
        case
            when corrections.is_short_of_distance then 'distance'
            when classified.source_finishing_position is not null
                then coalesce(corrected_places.position_basis, 'source')
        end as position_basis,
        case
            when corrected_places.result_id is not null
                then cast(corrected_places.finishing_position as {{ dbt.type_string() }})
            else classified.position_text
        end as position_text,
        coalesce(corrected_places.finishing_position, classified.position_order) as position_order,
        classified.time_ms as source_time_ms,
        coalesce(corrected_times.time_ms, classified.time_ms) as time_ms,
        case
            when classified.time_ms is not null then coalesce(corrected_times.time_basis, 'source')
        end as time_basis,
        classified.fastest_lap_number as source_fastest_lap_number,
        classified.fastest_lap_rank as source_fastest_lap_rank,
        classified.fastest_lap_time_ms as source_fastest_lap_time_ms,
        classified.fastest_lap_speed_kph as source_fastest_lap_speed_kph,
        coalesce(corrected_fastest_laps.fastest_lap_number, classified.fastest_lap_number) as fastest_lap_number,
        coalesce(corrected_fastest_laps.fastest_lap_rank, classified.fastest_lap_rank) as fastest_lap_rank,
        coalesce(corrected_fastest_laps.fastest_lap_time_ms, classified.fastest_lap_time_ms) as fastest_lap_time_ms,
        coalesce(
            corrected_fastest_laps.fastest_lap_speed_kph, classified.fastest_lap_speed_kph
        ) as fastest_lap_speed_kph,
        case
            when corrected_fastest_laps.result_id is not null then 'laps'
            when classified.fastest_lap_time_ms is not null then 'source'
        end as fastest_lap_basis
    from classified
    left join corrected_times
        on classified.session_type = corrected_times.session_type
        and classified.result_id = corrected_times.result_id
    left join corrected_places
        on classified.session_type = corrected_places.session_type
        and classified.result_id = corrected_places.result_id
    left join corrections
        on classified.session_type = corrections.session_type
        and classified.result_id = corrections.result_id
    left join corrected_fastest_laps
        on classified.session_type = 'race'
        and classified.result_id = corrected_fastest_laps.result_id

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
        ) as winner_time_ms,
        min(case when source_finishing_position = 1 then source_time_ms end) over (
            partition by session_type, race_id
        ) as source_winner_time_ms
    from corrected

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

placed as (

    select
        *,
        case when source_grid > 0 and not is_unmarked_pit_lane_start then source_grid end as grid_position,
        is_started and (source_grid = 0 or is_unmarked_pit_lane_start) as is_known_pit_lane_start
    from judged

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
        grid_position,
        nullif(source_grid, 0) as source_grid_position,
        is_known_pit_lane_start as is_pit_lane_start,
        case
            when is_known_pit_lane_start then 'pit lane'
            else cast(grid_position as {{ dbt.type_string() }})
        end as grid,
        finishing_position,
        source_finishing_position,
        position_basis,
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
        source_time_ms,
        time_basis,
        winner_time_ms,
        source_winner_time_ms,
        fastest_lap_number,
        nullif(fastest_lap_rank, 0) as fastest_lap_rank,
        fastest_lap_time_ms,
        fastest_lap_speed_kph,
        source_fastest_lap_number,
        nullif(source_fastest_lap_rank, 0) as source_fastest_lap_rank,
        source_fastest_lap_time_ms,
        source_fastest_lap_speed_kph,
        fastest_lap_basis
    from placed

)

select * from final
