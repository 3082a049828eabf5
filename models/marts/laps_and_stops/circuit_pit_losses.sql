{{ config(materialized='by_season') }}

with

pit_stops as (

    select * from {{ ref('fct_pit_stop_times') }}
    where stop_kind = 'stop' and {{ in_changed_seasons() }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

circuits as (

    select * from {{ ref('dim_circuits') }}

),

circuit_stops as (

    select
        races.circuit_id,
        races.season,
        pit_stops.duration_ms,
        pit_stops.time_lost_ms,
        pit_stops.unusual_reason
    from pit_stops
    inner join races
        on pit_stops.race_id = races.race_id

),

lane_times as (

    select
        circuit_id,
        season,
        cast(count(*) as integer) as stops,
        {{ percentile_ms('duration_ms') }} as median_duration_ms
    from circuit_stops
    group by circuit_id, season

),

losses as (

    select
        circuit_id,
        season,
        cast(count(*) as integer) as measured_stops,
        cast(count(*) filter (where unusual_reason is null) as integer) as usual_stops,
        {{ percentile_ms('case when unusual_reason is null then time_lost_ms end') }} as median_time_lost_ms
    from circuit_stops
    where time_lost_ms is not null
    group by circuit_id, season

),

final as (

    select
        lane_times.circuit_id,
        circuits.circuit_name,
        lane_times.season,
        lane_times.stops,
        lane_times.median_duration_ms,
        coalesce(losses.measured_stops, 0) as measured_stops,
        coalesce(losses.usual_stops, 0) as usual_stops,
        case
            when losses.usual_stops >= {{ var('pit_loss_stops') }} then losses.median_time_lost_ms
        end as median_time_lost_ms
    from lane_times
    left join losses
        on lane_times.circuit_id = losses.circuit_id
        and lane_times.season = losses.season
    left join circuits
        on lane_times.circuit_id = circuits.circuit_id

)

select * from final
