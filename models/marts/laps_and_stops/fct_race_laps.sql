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

),

driver_laps as (

    select
        lap_times.race_id,
        lap_times.actual_driver_id as driver_id,
        lap_times.lap_number,
        lap_times.season,
        lap_times.round,
        lap_times.position,
        lap_times.lap_time_ms,
        lap_times.is_red_flag,
        lap_times.is_misfiled,
        race_distances.race_laps,
        races_with_stops.race_id is not null as has_pit_stops,
        in_laps.race_id is not null as is_in_lap
    from lap_times
    left join race_distances
        on lap_times.race_id = race_distances.race_id
    left join races_with_stops
        on lap_times.race_id = races_with_stops.race_id
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

-- The laps that show how fast the field was.
flying_laps as (

    select
        race_id,
        driver_id,
        lap_number,
        lap_time_ms
    from running
    where
        lap_number > 1
        and lap_number <= race_laps
        and not is_red_flag
        and not is_in_lap
        and not is_out_lap

),

field_laps as (

    select
        race_id,
        lap_number,
        {{ percentile_ms('lap_time_ms') }} as field_median_ms
    from flying_laps
    group by race_id, lap_number

),

-- The lower quartile is a lap of the dry track, also where the safety car or the rain stayed for half of the race.
race_references as (

    select
        race_id,
        {{ percentile_ms('field_median_ms', var('race_reference_percentile') | int / 100) }} as race_reference_ms
    from field_laps
    group by race_id
    having count(*) >= {{ var('race_reference_laps') }}

),

field_pace as (

    select
        field_laps.race_id,
        field_laps.lap_number,
        field_laps.field_median_ms,
        field_laps.field_median_ms * 100
        >= race_references.race_reference_ms * {{ var('slow_field_percent') }} as is_field_slow
    from field_laps
    inner join race_references
        on field_laps.race_id = race_references.race_id

),

-- How far a driver usually is from the field's median of the same lap, in parts of a million.
driver_references as (

    select
        flying_laps.race_id,
        flying_laps.driver_id,
        {{ percentile_ms('flying_laps.lap_time_ms * 1000000.0 / field_pace.field_median_ms') }} as driver_reference
    from flying_laps
    inner join field_pace
        on flying_laps.race_id = field_pace.race_id
        and flying_laps.lap_number = field_pace.lap_number
    where not field_pace.is_field_slow
    group by flying_laps.race_id, flying_laps.driver_id

),

timed as (

    select
        running.*,
        field_pace.field_median_ms,
        field_pace.is_field_slow,
        running.lap_time_ms * 1000000.0 / field_pace.field_median_ms
        >= driver_references.driver_reference * {{ var('slow_driver_percent') | int / 100 }} as is_driver_slow,
        case
            when running.laps_on_file = running.lap_number then cast(running.sum_of_laps_ms as integer)
        end as elapsed_ms
    from running
    left join field_pace
        on running.race_id = field_pace.race_id
        and running.lap_number = field_pace.lap_number
    left join driver_references
        on running.race_id = driver_references.race_id
        and running.driver_id = driver_references.driver_id

),

leaders as (

    select
        race_id,
        lap_number,
        min(elapsed_ms) as elapsed_ms
    from timed
    group by race_id, lap_number

),

classed as (

    select
        *,
        case
            when is_red_flag then 'red flag'
            when lap_number > race_laps then 'not counted'
            when lap_number = 1 then 'first'
            when is_in_lap then 'in'
            when is_out_lap then 'out'
            when field_median_ms is null then 'unknown'
            when is_field_slow or is_driver_slow then 'slow'
            else 'green'
        end as lap_class
    from timed

),

final as (

    select
        classed.race_id,
        classed.driver_id,
        classed.lap_number,
        classed.season,
        classed.round,
        classed.position,
        case when classed.lap_number = 1 then results.grid_position else classed.position_before end
        - classed.position as positions_gained,
        classed.lap_time_ms,
        classed.elapsed_ms,
        classed.elapsed_ms - leaders.elapsed_ms as gap_to_leader_ms,
        classed.field_median_ms,
        classed.lap_class,
        classed.lap_class = 'green' as is_green,
        classed.is_field_slow,
        case when classed.has_pit_stops then classed.is_in_lap end as is_in_lap,
        case when classed.has_pit_stops then classed.is_out_lap end as is_out_lap,
        classed.is_red_flag,
        classed.is_misfiled
    from classed
    inner join leaders
        on classed.race_id = leaders.race_id
        and classed.lap_number = leaders.lap_number
    left join results
        on classed.race_id = results.race_id
        and classed.driver_id = results.driver_id

)

select * from final
