{{ config(materialized='by_season', meta={'seasons_in_block': var('seasons_in_block')}) }}

with

pit_stops as (

    select * from {{ ref('fct_pit_stop_times') }}
    where stop_kind <> 'no stop' and {{ in_changed_seasons() }}

),

race_laps as (

    select * from {{ ref('fct_race_laps') }}
    where {{ in_changed_seasons() }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

ordered_stops as (

    select
        *,
        row_number() over (partition by race_id, driver_id order by lap_number, stop_number) as stop_order
    from pit_stops
    where stop_kind <> 'drive-through'

),

first_stops as (

    select
        race_id,
        driver_id,
        season,
        round,
        lap_number,
        duration_ms,
        unusual_reason is not null as is_unusual
    from ordered_stops
    where stop_order = 1 and stop_kind = 'stop'

),

-- One driver stops, the other stops a few laps later.
stop_pairs as (

    select
        early.race_id,
        early.driver_id as early_driver_id,
        late.driver_id as late_driver_id,
        early.season,
        early.round,
        early.lap_number as early_stop_lap,
        late.lap_number as late_stop_lap,
        late.duration_ms - early.duration_ms as lane_gain_ms,
        early.is_unusual or late.is_unusual as has_unusual_stop
    from first_stops as early
    inner join first_stops as late
        on early.race_id = late.race_id
        and late.lap_number between early.lap_number + 1 and early.lap_number + {{ var('undercut_laps') }}

),

close_pairs as (

    select
        stop_pairs.*,
        early_before.elapsed_ms - late_before.elapsed_ms as gap_before_ms,
        early_after.elapsed_ms - late_after.elapsed_ms as gap_after_ms
    from stop_pairs
    inner join race_laps as early_before
        on stop_pairs.race_id = early_before.race_id
        and stop_pairs.early_driver_id = early_before.driver_id
        and stop_pairs.early_stop_lap - 1 = early_before.lap_number
    inner join race_laps as late_before
        on stop_pairs.race_id = late_before.race_id
        and stop_pairs.late_driver_id = late_before.driver_id
        and stop_pairs.early_stop_lap - 1 = late_before.lap_number
    inner join race_laps as early_after
        on stop_pairs.race_id = early_after.race_id
        and stop_pairs.early_driver_id = early_after.driver_id
        and stop_pairs.late_stop_lap + 1 = early_after.lap_number
    inner join race_laps as late_after
        on stop_pairs.race_id = late_after.race_id
        and stop_pairs.late_driver_id = late_after.driver_id
        and stop_pairs.late_stop_lap + 1 = late_after.lap_number
    where abs(early_before.elapsed_ms - late_before.elapsed_ms) <= {{ var('undercut_gap_ms') }}

),

slow_laps as (

    select distinct
        race_id,
        lap_number
    from race_laps
    where
        coalesce(is_field_slow, true)
        or is_red_flag
        or coalesce(is_safety_car or is_virtual_safety_car, false)

),

-- The safety car gives and takes more than any stop; and so does another visit to the lane, for tyres or a penalty.
disturbed_pairs as (

    select
        close_pairs.race_id,
        close_pairs.early_driver_id,
        close_pairs.late_driver_id
    from close_pairs
    inner join slow_laps
        on close_pairs.race_id = slow_laps.race_id
        and slow_laps.lap_number between close_pairs.early_stop_lap - 1 and close_pairs.late_stop_lap + 1

    union

    select
        close_pairs.race_id,
        close_pairs.early_driver_id,
        close_pairs.late_driver_id
    from close_pairs
    inner join pit_stops
        on close_pairs.race_id = pit_stops.race_id
        and pit_stops.lap_number between close_pairs.early_stop_lap - 2 and close_pairs.late_stop_lap + 1
        and (
            (close_pairs.early_driver_id = pit_stops.driver_id and close_pairs.early_stop_lap <> pit_stops.lap_number)
            or (close_pairs.late_driver_id = pit_stops.driver_id and close_pairs.late_stop_lap <> pit_stops.lap_number)
        )

),

final as (

    select
        close_pairs.race_id,
        races.race_name,
        races.race_date,
        close_pairs.early_driver_id,
        early_drivers.driver_name as early_driver_name,
        close_pairs.late_driver_id,
        late_drivers.driver_name as late_driver_name,
        close_pairs.season,
        close_pairs.round,
        close_pairs.early_stop_lap,
        close_pairs.late_stop_lap,
        close_pairs.gap_before_ms,
        close_pairs.gap_after_ms,
        close_pairs.gap_before_ms - close_pairs.gap_after_ms as early_gain_ms,
        close_pairs.lane_gain_ms,
        close_pairs.has_unusual_stop,
        case
            when close_pairs.gap_before_ms > 0 and close_pairs.gap_after_ms < 0 then 'undercut'
            when close_pairs.gap_before_ms < 0 and close_pairs.gap_after_ms > 0 then 'overcut'
            else 'none'
        end as outcome
    from close_pairs
    left join disturbed_pairs
        on close_pairs.race_id = disturbed_pairs.race_id
        and close_pairs.early_driver_id = disturbed_pairs.early_driver_id
        and close_pairs.late_driver_id = disturbed_pairs.late_driver_id
    left join drivers as early_drivers
        on close_pairs.early_driver_id = early_drivers.driver_id
    left join drivers as late_drivers
        on close_pairs.late_driver_id = late_drivers.driver_id
    left join races
        on close_pairs.race_id = races.race_id
    where disturbed_pairs.race_id is null

)

select * from final
