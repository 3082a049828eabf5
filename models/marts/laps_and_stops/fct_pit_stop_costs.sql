{{ config(materialized='by_season', meta={'seasons_in_block': var('seasons_in_block'), 'key_has_index': false}) }}

with

pit_stops as (

    select * from {{ ref('fct_pit_stop_times') }}
    where stop_kind = 'stop' and {{ in_changed_seasons() }}

),

race_laps as (

    select * from {{ ref('fct_race_laps') }}
    where is_in_lap is not null and not is_red_flag and {{ in_changed_seasons() }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

-- From the end of the lap before to the end of the lap after. Another stop on either would count too.
measured_laps as (

    select
        before_laps.race_id,
        before_laps.driver_id,
        before_laps.lap_number + 1 as lap_number,
        before_laps.elapsed_ms as before_ms,
        after_laps.elapsed_ms - before_laps.elapsed_ms as taken_ms,
        after_laps.is_out_lap as is_after_stop
    from race_laps as before_laps
    inner join race_laps as after_laps
        on before_laps.race_id = after_laps.race_id
        and before_laps.driver_id = after_laps.driver_id
        and before_laps.lap_number + 1 = after_laps.lap_number - 1
    where not before_laps.is_in_lap and not after_laps.is_in_lap

),

measured_stops as (

    select
        pit_stops.race_id,
        pit_stops.driver_id,
        pit_stops.stop_number,
        pit_stops.lap_number,
        measured_laps.before_ms,
        measured_laps.taken_ms
    from pit_stops
    inner join measured_laps
        on pit_stops.race_id = measured_laps.race_id
        and pit_stops.driver_id = measured_laps.driver_id
        and pit_stops.lap_number = measured_laps.lap_number

),

-- Cars close by meet the same safety car at the same place, so the difference is the stop.
neighbours as (

    select
        measured_stops.race_id,
        measured_stops.driver_id,
        measured_stops.stop_number,
        measured_stops.taken_ms - measured_laps.taken_ms as lost_ms
    from measured_stops
    inner join measured_laps
        on measured_stops.race_id = measured_laps.race_id
        and measured_stops.lap_number = measured_laps.lap_number
        and measured_stops.driver_id <> measured_laps.driver_id
    where
        abs(measured_stops.before_ms - measured_laps.before_ms) <= {{ var('neighbour_gap_ms') }}
        and not measured_laps.is_after_stop

),

costs as (

    select
        race_id,
        driver_id,
        stop_number,
        cast(count(*) as integer) as neighbours,
        {{ percentile_ms('lost_ms') }} as lost_to_neighbours_ms
    from neighbours
    where lost_ms is not null
    group by race_id, driver_id, stop_number

),

final as (

    select
        pit_stops.race_id,
        pit_stops.race_name,
        pit_stops.race_date,
        pit_stops.driver_id,
        pit_stops.driver_name,
        pit_stops.stop_number,
        pit_stops.season,
        pit_stops.round,
        races.circuit_id,
        races.circuit_name,
        pit_stops.lap_number,
        pit_stops.duration_ms,
        pit_stops.is_field_slow,
        pit_stops.is_under_safety_car,
        pit_stops.is_under_virtual_safety_car,
        costs.neighbours,
        costs.lost_to_neighbours_ms
    from costs
    inner join pit_stops
        on costs.race_id = pit_stops.race_id
        and costs.driver_id = pit_stops.driver_id
        and costs.stop_number = pit_stops.stop_number
    inner join races
        on costs.race_id = races.race_id

)

select * from final
