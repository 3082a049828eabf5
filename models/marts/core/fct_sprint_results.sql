{{ config(materialized='by_season') }}

with

outcomes as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'sprint'

),

computed_points as (

    select * from {{ ref('int_championship__result_points') }}
    where championship = 'drivers' and session_type = 'sprint' and {{ in_changed_seasons() }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

final as (

    select
        outcomes.result_id as sprint_result_id,
        outcomes.race_id,
        races.race_name,
        races.race_date,
        races.season,
        races.round,
        outcomes.driver_id,
        drivers.driver_name,
        outcomes.constructor_id,
        constructors.constructor_name,
        outcomes.status_id,
        outcomes.status,
        outcomes.car_number,
        outcomes.grid_position,
        outcomes.grid,
        {{ pit_lane_start() }} as is_pit_lane_start,
        outcomes.finishing_position,
        outcomes.source_finishing_position,
        outcomes.position_basis,
        outcomes.position_text,
        outcomes.position_order,
        outcomes.is_started,
        outcomes.is_classified,
        outcomes.is_finished,
        outcomes.is_disqualified,
        outcomes.reason_out_group,
        outcomes.reason_out,
        coalesce(outcomes.finishing_position = 1, false) as is_win,
        outcomes.points,
        computed_points.points_computed,
        outcomes.laps_completed,
        outcomes.time_ms as sprint_time_ms,
        outcomes.time_ms - outcomes.winner_time_ms as gap_to_winner_ms,
        outcomes.source_time_ms as source_sprint_time_ms,
        outcomes.source_time_ms - outcomes.source_winner_time_ms as source_gap_to_winner_ms,
        outcomes.time_basis as sprint_time_basis,
        outcomes.fastest_lap_number,
        outcomes.fastest_lap_rank,
        outcomes.fastest_lap_time_ms
    from outcomes
    inner join races
        on outcomes.race_id = races.race_id
    left join computed_points
        on outcomes.result_id = computed_points.result_id
    left join drivers
        on outcomes.driver_id = drivers.driver_id
    left join constructors
        on outcomes.constructor_id = constructors.constructor_id

)

select * from final
