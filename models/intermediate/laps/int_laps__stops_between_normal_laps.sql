{{ config(materialized='by_season', meta={'seasons_in_block': var('seasons_in_block')}) }}

with

driven_laps as (

    select * from {{ ref('int_laps__driven') }}
    where not is_red_flag and {{ in_changed_seasons() }}

),

stops_of_all_seasons as (

    select * from {{ ref('stg_ergast__pit_stops') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}
    where {{ in_changed_seasons() }}

),

pit_stops as (

    select
        stops_of_all_seasons.race_id,
        stops_of_all_seasons.driver_id,
        stops_of_all_seasons.stop_number,
        stops_of_all_seasons.lap_number,
        stops_of_all_seasons.duration_ms
    from stops_of_all_seasons
    inner join races
        on stops_of_all_seasons.race_id = races.race_id

),

races_with_stops as (

    select distinct race_id from pit_stops

),

lane_laps as (

    select
        race_id,
        driver_id,
        lap_number
    from pit_stops

    union

    select
        race_id,
        driver_id,
        lap_number + 1 as lap_number
    from pit_stops

),

laps as (

    select
        driven_laps.race_id,
        driven_laps.season,
        driven_laps.actual_driver_id as driver_id,
        driven_laps.lap_number,
        driven_laps.lap_time_ms,
        lane_laps.race_id is null and driven_laps.lap_number > 1 as is_flying
    from driven_laps
    inner join races_with_stops
        on driven_laps.race_id = races_with_stops.race_id
    left join lane_laps
        on driven_laps.race_id = lane_laps.race_id
        and driven_laps.actual_driver_id = lane_laps.driver_id
        and driven_laps.lap_number = lane_laps.lap_number

),

field_laps as (

    select
        race_id,
        lap_number,
        {{ percentile_ms('lap_time_ms') }} as field_ms
    from laps
    where is_flying
    group by race_id, lap_number

),

usual_laps as (

    select
        race_id,
        driver_id,
        {{ percentile_ms('lap_time_ms') }} as usual_ms
    from laps
    where is_flying
    group by race_id, driver_id

),

-- How far a driver usually is from the field, in parts of a million.
usual_parts as (

    select
        laps.race_id,
        laps.driver_id,
        {{ percentile_ms('laps.lap_time_ms * 1000000.0 / field_laps.field_ms') }} as part_of_field
    from laps
    inner join field_laps
        on laps.race_id = field_laps.race_id
        and laps.lap_number = field_laps.lap_number
    where laps.is_flying
    group by laps.race_id, laps.driver_id

),

-- A stop takes time in its lap and in the next one.
laps_of_stops as (

    select
        pit_stops.race_id,
        pit_stops.driver_id,
        pit_stops.stop_number,
        laps.season,
        pit_stops.lap_number,
        pit_stops.duration_ms,
        sum(laps.lap_time_ms) as laps_ms,
        sum(field_laps.field_ms) as field_ms
    from pit_stops
    inner join laps
        on pit_stops.race_id = laps.race_id
        and pit_stops.driver_id = laps.driver_id
        and laps.lap_number between pit_stops.lap_number and pit_stops.lap_number + 1
    inner join field_laps
        on laps.race_id = field_laps.race_id
        and laps.lap_number = field_laps.lap_number
    group by
        pit_stops.race_id,
        pit_stops.driver_id,
        pit_stops.stop_number,
        laps.season,
        pit_stops.lap_number,
        pit_stops.duration_ms
    having count(*) = 2

),

measured as (

    select
        laps_of_stops.race_id,
        laps_of_stops.driver_id,
        laps_of_stops.stop_number,
        laps_of_stops.season,
        laps_of_stops.lap_number,
        laps_of_stops.duration_ms,
        cast(laps_of_stops.laps_ms - 2 * usual_laps.usual_ms as integer) as lost_to_usual_laps_ms,
        {{ rounded_ms('laps_of_stops.laps_ms - laps_of_stops.field_ms * usual_parts.part_of_field / 1000000.0') }}
            as lost_to_field_ms
    from laps_of_stops
    inner join usual_laps
        on laps_of_stops.race_id = usual_laps.race_id
        and laps_of_stops.driver_id = usual_laps.driver_id
    inner join usual_parts
        on laps_of_stops.race_id = usual_parts.race_id
        and laps_of_stops.driver_id = usual_parts.driver_id

),

-- The driver's own laps show a safety car, the field's laps show a drying track: only if neither has lost the time of
-- the stop was there none.
final as (

    select *
    from measured
    where
        greatest(lost_to_usual_laps_ms, lost_to_field_ms) * 100
        < duration_ms * {{ var('no_stop_percent') }}

)

select * from final
