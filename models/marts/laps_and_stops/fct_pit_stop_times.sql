{{ config(materialized='by_season', meta={'seasons_in_block': var('seasons_in_block'), 'key_has_index': false}) }}

with

pit_stops as (

    select * from {{ ref('int_laps__pit_stop_kinds') }}
    where {{ in_changed_seasons() }}

),

results as (

    select * from {{ ref('fct_race_results') }}
    where driver_entry_number = 1 and {{ in_changed_seasons() }}

),

race_laps as (

    select * from {{ ref('fct_race_laps') }}
    where {{ in_changed_seasons() }}

),

race_pace as (

    select * from {{ ref('fct_race_pace') }}
    where {{ in_changed_seasons() }}

),

safety_cars as (

    select * from {{ ref('fct_safety_cars') }}
    where {{ in_changed_seasons() }}

),

recorded_seasons as (

    select * from {{ ref('int_races__record_coverage') }}
    where {{ in_changed_seasons() }}

),

race_medians as (

    select
        race_id,
        {{ percentile_ms('duration_ms') }} as race_median_ms
    from pit_stops
    where stop_kind = 'stop'
    group by race_id

),

-- The lap into the lane and the lap out of it; a red flag, or the start, would count as time lost.
in_and_out_laps as (

    select
        pit_stops.race_id,
        pit_stops.driver_id,
        pit_stops.stop_number,
        sum(race_laps.lap_time_ms) as lap_times_ms,
        sum(race_laps.field_median_ms) as field_ms,
        max(case when race_laps.is_field_slow then 1 else 0 end) = 1 as is_field_slow,
        -- Both laps are there, and on each the field is known to be at speed: not so where all of it is in the lane.
        sum(
            case
                when
                    race_laps.lap_class in ('in', 'out')
                    and not race_laps.is_field_slow
                    and not coalesce(race_laps.is_safety_car or race_laps.is_virtual_safety_car, false)
                    then 1
                else 0
            end
        ) = 2 as is_measurable,
        max(case when race_laps.is_virtual_safety_car then 1 when not race_laps.is_virtual_safety_car then 0 end) = 1
            as is_under_virtual_safety_car
    from pit_stops
    inner join race_laps
        on pit_stops.race_id = race_laps.race_id
        and pit_stops.driver_id = race_laps.driver_id
        and race_laps.lap_number between pit_stops.lap_number and pit_stops.lap_number + 1
    group by pit_stops.race_id, pit_stops.driver_id, pit_stops.stop_number

),

-- The lap out of the lane is behind the safety car. If it was called in for that lap, a stop costs as usual.
safety_car_stops as (

    select distinct
        pit_stops.race_id,
        pit_stops.driver_id,
        pit_stops.stop_number
    from pit_stops
    inner join safety_cars
        on pit_stops.race_id = safety_cars.race_id
        and pit_stops.lap_number >= safety_cars.deployed_lap
        and (safety_cars.is_to_the_end or pit_stops.lap_number < safety_cars.last_full_lap)

),

-- The field's usual lap of the race, at speed.
field_laps as (

    select
        race_id,
        lap_number,
        min(field_median_ms) as field_median_ms
    from race_laps
    where not is_field_slow
    group by race_id, lap_number

),

usual_laps as (

    select
        race_id,
        {{ percentile_ms('field_median_ms') }} as usual_ms
    from field_laps
    group by race_id

),

measured as (

    select
        pit_stops.race_id,
        pit_stops.driver_id,
        pit_stops.stop_number,
        pit_stops.lap_number,
        pit_stops.stop_kind,
        pit_stops.duration_ms,
        case when pit_stops.stop_kind = 'stop' then pit_stops.duration_ms - race_medians.race_median_ms end
            as duration_to_race_median_ms,
        in_and_out_laps.is_field_slow,
        safety_car_stops.race_id is not null as is_behind_safety_car,
        in_and_out_laps.is_under_virtual_safety_car,
        case
            when pit_stops.stop_kind = 'stop' and in_and_out_laps.is_measurable
                then cast(in_and_out_laps.lap_times_ms - 2 * race_pace.median_ms as integer)
        end as time_lost_ms,
        in_and_out_laps.field_ms - 2 * usual_laps.usual_ms as field_change_ms
    from pit_stops
    left join race_medians
        on pit_stops.race_id = race_medians.race_id
    left join in_and_out_laps
        on pit_stops.race_id = in_and_out_laps.race_id
        and pit_stops.driver_id = in_and_out_laps.driver_id
        and pit_stops.stop_number = in_and_out_laps.stop_number
    left join safety_car_stops
        on pit_stops.race_id = safety_car_stops.race_id
        and pit_stops.driver_id = safety_car_stops.driver_id
        and pit_stops.stop_number = safety_car_stops.stop_number
    left join usual_laps
        on pit_stops.race_id = usual_laps.race_id
    left join race_pace
        on pit_stops.race_id = race_pace.race_id
        and pit_stops.driver_id = race_pace.driver_id

),

-- What a stop usually costs outside the pit lane: braking and accelerating, less the way through the lane.
usual_losses as (

    select
        race_id,
        {{ percentile_ms('time_lost_ms - duration_ms') }} as lost_outside_ms
    from measured
    where time_lost_ms is not null
    group by race_id

),

final as (

    select
        measured.race_id,
        results.race_name,
        results.race_date,
        measured.driver_id,
        results.driver_name,
        measured.stop_number,
        results.season,
        results.round,
        results.constructor_id,
        results.constructor_name,
        measured.lap_number,
        measured.stop_kind,
        measured.duration_ms,
        measured.duration_to_race_median_ms,
        measured.is_field_slow,
        case when recorded_seasons.has_safety_cars then measured.is_behind_safety_car end as is_under_safety_car,
        measured.is_under_virtual_safety_car,
        measured.time_lost_ms,
        case
            when measured.duration_to_race_median_ms > {{ var('unusual_stop_ms') }} then 'long stop'
            when measured.time_lost_ms is null then null
            when abs(measured.field_change_ms) > {{ var('changing_track_ms') }} then 'changing track'
            when
                abs(measured.time_lost_ms - measured.duration_ms - usual_losses.lost_outside_ms)
                > {{ var('unusual_stop_ms') }}
                then 'unusual laps'
        end as unusual_reason
    from measured
    inner join results
        on measured.race_id = results.race_id
        and measured.driver_id = results.driver_id
    left join usual_losses
        on measured.race_id = usual_losses.race_id
    left join recorded_seasons
        on results.season = recorded_seasons.season

)

select * from final
