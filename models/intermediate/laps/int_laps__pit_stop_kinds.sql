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

lane_laps as (

    select
        race_id,
        lap_number,
        count(*) as stops,
        sum(case when duration_ms > 120000 then 1 else 0 end) as long_stops
    from pit_stops
    group by race_id, lap_number

),

-- The cars that completed the lap, which the results tell even where there are no laps.
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

-- On a lap on which four fifths of the field are in the lane they may have been led through it.
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
        pit_stops.duration_ms <= 120000
        and lane_laps.stops * 10 < coalesce(fields.cars, 20) * 8

),

usual_stops as (

    select
        race_id,
        {{ percentile_ms('duration_ms') }} as usual_ms
    from ordinary_stops
    group by race_id

),

-- The stop of a driver who comes in a lap later than the field under a red flag is one, too.
red_flag_laps as (

    select
        race_id,
        lap_number
    from lane_laps
    where long_stops >= 3

    union

    select
        race_id,
        lap_number + 1 as lap_number
    from lane_laps
    where long_stops >= 3

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
                and pit_stops.duration_ms > coalesce(2 * usual_stops.usual_ms, 120000)
                then 'red flag'
            when phantom_laps.race_id is not null then 'drive-through'
            when pit_stops.duration_ms * 10 < usual_stops.usual_ms * 9 then 'drive-through'
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

)

select * from kinds
