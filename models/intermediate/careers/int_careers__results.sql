{{ config(materialized='by_season') }}

with

outcomes as (

    select * from {{ ref('int_results__outcomes') }}

),

pole_positions as (

    select * from {{ ref('int_results__pole_positions') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

statuses as (

    select * from {{ ref('int_results__statuses') }}

),

laps as (

    select * from {{ ref('int_laps__by_driver') }}
    where best_counted_lap_ms is not null and {{ in_changed_seasons() }}

),

fastest_laps as (

    select * from {{ ref('int_careers__fastest_laps') }}

),

races_with_laps as (

    select distinct race_id from laps

),

-- A race whose result is that of one lap has no fastest lap, so nobody has it.
races_of_one_lap as (

    select race_id
    from outcomes
    where session_type = 'race'
    group by race_id
    having max(laps_completed) = 1

),

races_with_fastest_lap as (

    select race_id from fastest_laps

    union

    select race_id from races_of_one_lap

),

final as (

    select
        outcomes.session_type,
        outcomes.result_id,
        races.season,
        races.round,
        outcomes.race_id,
        outcomes.driver_id,
        outcomes.constructor_id,
        races.race_name = 'Indianapolis 500' as is_indianapolis_500,
        outcomes.driver_entry_number = 1 as is_first_of_driver,
        -- Drivers who shared a car have a result each, of the same car.
        not outcomes.is_shared_drive
        or row_number() over (
            partition by
                outcomes.session_type,
                outcomes.race_id,
                outcomes.constructor_id,
                outcomes.car_number,
                outcomes.position_text,
                outcomes.laps_completed,
                outcomes.is_shared_drive
            order by outcomes.result_id asc
        ) = 1 as is_first_of_car,
        outcomes.is_started,
        outcomes.is_classified,
        outcomes.is_finished,
        outcomes.is_started and not outcomes.is_finished and outcomes.is_disqualified as is_disqualified,
        case
            when not outcomes.is_started or outcomes.is_finished or outcomes.is_disqualified then null
            when statuses.status_category in ('accident', 'mechanical') then statuses.status_category
            else 'other'
        end as retirement_kind,
        outcomes.finishing_position,
        outcomes.grid_position,
        pole_positions.result_id is not null as is_pole,
        races_with_fastest_lap.race_id is not null as is_fastest_lap_known,
        fastest_laps.driver_id is not null as is_fastest_lap,
        races_with_laps.race_id is not null as is_laps_known,
        coalesce(laps.laps_led, 0) as laps_led,
        outcomes.laps_completed,
        outcomes.points
    from outcomes
    inner join races
        on outcomes.race_id = races.race_id
    left join pole_positions
        on outcomes.session_type = 'race'
        and outcomes.result_id = pole_positions.result_id
    left join statuses
        on outcomes.status_id = statuses.status_id
    left join races_with_laps
        on outcomes.session_type = 'race'
        and outcomes.race_id = races_with_laps.race_id
    left join races_with_fastest_lap
        on outcomes.session_type = 'race'
        and outcomes.race_id = races_with_fastest_lap.race_id
    left join laps
        on outcomes.session_type = 'race'
        and outcomes.driver_entry_number = 1
        and outcomes.race_id = laps.race_id
        and outcomes.driver_id = laps.driver_id
    left join fastest_laps
        on outcomes.session_type = 'race'
        and outcomes.driver_entry_number = 1
        and outcomes.race_id = fastest_laps.race_id
        and outcomes.driver_id = fastest_laps.driver_id

)

select * from final
