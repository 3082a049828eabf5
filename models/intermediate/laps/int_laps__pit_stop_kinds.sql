{{ config(materialized='by_season') }}

with

pit_stops as (

    select * from {{ ref('stg_ergast__pit_stops') }}

),

results as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'race' and driver_entry_number = 1

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

circuits as (

    select * from {{ ref('stg_ergast__circuits') }}

),

phantom_pit_stops as (

    select * from {{ ref('phantom_pit_stops') }}

),

stops_between_normal_laps as (

    select * from {{ ref('int_laps__stops_between_normal_laps') }}
    where {{ in_changed_seasons() }}

),

lane_laps as (

    select
        race_id,
        lap_number,
        count(*) as stops,
        sum(case when duration_ms > {{ var('long_stop_ms') }} then 1 else 0 end) as long_stops
    from pit_stops
    group by race_id, lap_number

),

-- Cars that completed the lap, by the results: they are there for races without lap times too.
fields as (

    select
        lane_laps.race_id,
        lane_laps.lap_number,
        count(*) as cars
    from lane_laps
    inner join results
        on lane_laps.race_id = results.race_id
        and lane_laps.lap_number <= results.laps_completed
    group by lane_laps.race_id, lane_laps.lap_number

),

-- If most of the field is in the lane on a lap, it may have been led through the lane.
ordinary_stops as (

    select
        pit_stops.race_id,
        pit_stops.duration_ms
    from pit_stops
    inner join lane_laps
        on pit_stops.race_id = lane_laps.race_id
        and pit_stops.lap_number = lane_laps.lap_number
    left join fields
        on pit_stops.race_id = fields.race_id
        and pit_stops.lap_number = fields.lap_number
    where
        pit_stops.duration_ms <= {{ var('long_stop_ms') }}
        and lane_laps.stops * 100
        < coalesce(fields.cars, {{ var('usual_field_cars') }}) * {{ var('led_field_percent') }}

),

usual_stops as (

    select
        race_id,
        {{ percentile_ms('duration_ms') }} as usual_ms
    from ordinary_stops
    group by race_id

),

-- A driver may come in a lap later than the field under a red flag.
red_flag_laps as (

    select
        race_id,
        lap_number
    from lane_laps
    where long_stops >= {{ var('red_flag_long_stops') }}

    union

    select
        race_id,
        lap_number + 1 as lap_number
    from lane_laps
    where long_stops >= {{ var('red_flag_long_stops') }}

),

phantom_laps as (

    select
        races.race_id,
        phantom_pit_stops.first_lap,
        phantom_pit_stops.last_lap
    from phantom_pit_stops
    inner join circuits
        on phantom_pit_stops.circuit_ref = circuits.circuit_ref
    inner join races
        on circuits.circuit_id = races.circuit_id
        and phantom_pit_stops.season = races.season

),

kinds as (

    select
        pit_stops.race_id,
        pit_stops.driver_id,
        pit_stops.stop_number,
        races.season,
        pit_stops.lap_number,
        pit_stops.duration_ms,
        case
            when pit_stops.duration_ms > {{ var('red_flag_ms') }} then 'red flag'
            when
                red_flag_laps.race_id is not null
                and pit_stops.duration_ms > coalesce(
                    usual_stops.usual_ms * {{ var('red_flag_stop_percent') | int / 100 }}, {{ var('long_stop_ms') }}
                )
                then 'red flag'
            when stops_between_normal_laps.race_id is not null then 'no stop'
            when phantom_laps.race_id is not null then 'drive-through'
            when pit_stops.duration_ms < usual_stops.usual_ms * {{ var('drive_through_percent') | int / 100 }}
                then 'drive-through'
            else 'stop'
        end as stop_kind
    from pit_stops
    inner join races
        on pit_stops.race_id = races.race_id
    left join usual_stops
        on pit_stops.race_id = usual_stops.race_id
    left join red_flag_laps
        on pit_stops.race_id = red_flag_laps.race_id
        and pit_stops.lap_number = red_flag_laps.lap_number
    left join phantom_laps
        on pit_stops.race_id = phantom_laps.race_id
        and pit_stops.lap_number between phantom_laps.first_lap and phantom_laps.last_lap
    left join stops_between_normal_laps
        on pit_stops.race_id = stops_between_normal_laps.race_id
        and pit_stops.driver_id = stops_between_normal_laps.driver_id
        and pit_stops.stop_number = stops_between_normal_laps.stop_number

)

select * from kinds
