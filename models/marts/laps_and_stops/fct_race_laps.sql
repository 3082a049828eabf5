{{ config(materialized='by_season', meta={'seasons_in_block': var('seasons_in_block'), 'key_has_index': false}) }}

with

lap_times as (

    select * from {{ ref('fct_lap_times') }}
    where {{ in_changed_seasons() }}

),

pit_stops as (

    select * from {{ ref('int_laps__pit_stop_kinds') }}
    where {{ in_changed_seasons() }}

),

results as (

    select * from {{ ref('fct_race_results') }}
    where driver_entry_number = 1 and {{ in_changed_seasons() }}

),

safety_cars as (

    select * from {{ ref('fct_safety_cars') }}
    where {{ in_changed_seasons() }}

),

virtual_safety_cars as (

    select * from {{ ref('int_laps__virtual_safety_cars') }}
    where {{ in_changed_seasons() }}

),

recorded_seasons as (

    select * from {{ ref('int_races__record_coverage') }}
    where {{ in_changed_seasons() }}

),

race_distances as (

    select
        race_id,
        max(laps_completed) as race_laps
    from results
    group by race_id

),

races_with_stops as (

    select distinct race_id from pit_stops

),

in_laps as (

    select distinct
        race_id,
        driver_id,
        lap_number
    from pit_stops
    where stop_kind <> 'no stop'

),

-- Only what the windows need: they sort all of their columns.
driver_laps as (

    select
        lap_times.race_id,
        lap_times.actual_driver_id as driver_id,
        lap_times.lap_number,
        lap_times.position,
        lap_times.lap_time_ms,
        lap_times.is_red_flag,
        lap_times.is_misfiled,
        in_laps.race_id is not null as is_in_lap
    from lap_times
    left join in_laps
        on lap_times.race_id = in_laps.race_id
        and lap_times.actual_driver_id = in_laps.driver_id
        and lap_times.lap_number = in_laps.lap_number

),

running as (

    select
        *,
        coalesce(
            lag(is_in_lap) over (partition by race_id, driver_id order by lap_number), false
        ) as is_out_lap,
        lag(position) over (partition by race_id, driver_id order by lap_number) as position_before,
        row_number() over (partition by race_id, driver_id order by lap_number) as laps_on_file,
        sum(lap_time_ms) over (
            partition by race_id, driver_id order by lap_number
            rows between unbounded preceding and current row
        ) as sum_of_laps_ms
    from driver_laps

),

races as (

    select
        lap_times.race_id,
        min(lap_times.season) as season,
        min(lap_times.round) as round,
        max(race_distances.race_laps) as race_laps,
        max(races_with_stops.race_id) is not null as has_pit_stops
    from lap_times
    left join race_distances
        on lap_times.race_id = race_distances.race_id
    left join races_with_stops
        on lap_times.race_id = races_with_stops.race_id
    group by lap_times.race_id

),

timed as (

    select
        running.race_id,
        running.driver_id,
        running.lap_number,
        running.position,
        running.position_before,
        running.lap_time_ms,
        running.is_red_flag,
        running.is_misfiled,
        running.is_in_lap,
        running.is_out_lap,
        running.lap_number > races.race_laps as is_not_counted,
        case
            when running.laps_on_file = running.lap_number then cast(running.sum_of_laps_ms as integer)
        end as elapsed_ms,
        -- The laps that show how fast the field was.
        running.lap_number > 1
        and running.lap_number <= races.race_laps
        and not running.is_red_flag
        and not running.is_in_lap
        and not running.is_out_lap as is_flying
    from running
    inner join races
        on running.race_id = races.race_id

),

field_laps as (

    select
        race_id,
        lap_number,
        {{ percentile_ms('case when is_flying then lap_time_ms end') }} as field_median_ms,
        min(elapsed_ms) as leader_elapsed_ms
    from timed
    group by race_id, lap_number

),

-- The lower quartile is a lap of the dry track, also where the safety car or the rain stayed for half of the race.
race_references as (

    select
        race_id,
        {{ percentile_ms('field_median_ms', var('race_reference_percentile') | int / 100) }} as race_reference_ms
    from field_laps
    group by race_id
    having count(field_median_ms) >= {{ var('race_reference_laps') }}

),

-- Few rows: one for each lap of the leader, not of every car.
safety_car_laps as (

    select distinct
        field_laps.race_id,
        field_laps.lap_number
    from field_laps
    inner join safety_cars
        on field_laps.race_id = safety_cars.race_id
        and field_laps.lap_number >= safety_cars.first_full_lap
        and (safety_cars.is_to_the_end or field_laps.lap_number <= safety_cars.last_full_lap)

),

field_pace as (

    select
        field_laps.race_id,
        field_laps.lap_number,
        races.season,
        races.round,
        races.has_pit_stops,
        field_laps.leader_elapsed_ms,
        case when race_references.race_id is not null then field_laps.field_median_ms end as field_median_ms,
        field_laps.field_median_ms * 100
        >= race_references.race_reference_ms * {{ var('slow_field_percent') }} as is_field_slow,
        case when recorded_seasons.has_safety_cars then safety_car_laps.race_id is not null end as is_safety_car,
        case when recorded_seasons.has_virtual_safety_cars then virtual_safety_cars.race_id is not null end
            as is_virtual_safety_car
    from field_laps
    inner join races
        on field_laps.race_id = races.race_id
    left join race_references
        on field_laps.race_id = race_references.race_id
    left join recorded_seasons
        on races.season = recorded_seasons.season
    left join safety_car_laps
        on field_laps.race_id = safety_car_laps.race_id
        and field_laps.lap_number = safety_car_laps.lap_number
    left join virtual_safety_cars
        on field_laps.race_id = virtual_safety_cars.race_id
        and field_laps.lap_number = virtual_safety_cars.lap_number

),

paced as (

    select
        timed.*,
        field_pace.season,
        field_pace.round,
        field_pace.has_pit_stops,
        field_pace.leader_elapsed_ms,
        field_pace.field_median_ms,
        field_pace.is_field_slow,
        field_pace.is_safety_car,
        field_pace.is_virtual_safety_car,
        timed.is_flying
        and not field_pace.is_field_slow
        and not coalesce(field_pace.is_safety_car or field_pace.is_virtual_safety_car, false) as is_reference,
        timed.lap_time_ms * 1000000.0 / field_pace.field_median_ms as part_of_median
    from timed
    inner join field_pace
        on timed.race_id = field_pace.race_id
        and timed.lap_number = field_pace.lap_number

),

-- How far a driver usually is from the field's median of the same lap, in parts of a million.
driver_references as (

    select
        race_id,
        driver_id,
        {{ percentile_ms('case when is_reference then part_of_median end') }} as driver_reference
    from paced
    group by race_id, driver_id

),

drivers as (

    select
        driver_references.race_id,
        driver_references.driver_id,
        driver_references.driver_reference * {{ var('slow_driver_percent') | int / 100 }} as slow_part,
        results.grid_position
    from driver_references
    left join results
        on driver_references.race_id = results.race_id
        and driver_references.driver_id = results.driver_id

),

classed as (

    select
        paced.*,
        drivers.grid_position,
        case
            when paced.is_red_flag then 'red flag'
            when paced.is_not_counted then 'not counted'
            when paced.lap_number = 1 then 'first'
            when paced.is_in_lap then 'in'
            when paced.is_out_lap then 'out'
            when paced.is_safety_car then 'safety car'
            when paced.is_virtual_safety_car then 'virtual safety car'
            when paced.field_median_ms is null then 'unknown'
            when paced.is_field_slow or paced.part_of_median >= drivers.slow_part then 'slow'
            else 'green'
        end as lap_class
    from paced
    inner join drivers
        on paced.race_id = drivers.race_id
        and paced.driver_id = drivers.driver_id

),

final as (

    select
        race_id,
        driver_id,
        lap_number,
        season,
        round,
        position,
        case when lap_number = 1 then grid_position else position_before end - position as positions_gained,
        lap_time_ms,
        elapsed_ms,
        elapsed_ms - leader_elapsed_ms as gap_to_leader_ms,
        field_median_ms,
        lap_class,
        lap_class = 'green' as is_green,
        is_field_slow,
        is_safety_car,
        is_virtual_safety_car,
        case when has_pit_stops then is_in_lap end as is_in_lap,
        case when has_pit_stops then is_out_lap end as is_out_lap,
        is_red_flag,
        lap_time_ms > {{ var('red_flag_ms') }} as is_red_flag_by_rule,
        is_misfiled
    from classed

)

select * from final
