-- What a pit stop costs at a circuit, by season, and the median circuit of that season.
with

medians as (

    select
        season,
        cast(percentile_cont(0.5) within group (order by median_time_lost_ms) as decimal(12, 3)) as median_ms
    from marts.circuit_pit_losses
    where median_time_lost_ms is not null
    group by season

)

select
    circuit_pit_losses.season,
    circuit_pit_losses.stops,
    circuit_pit_losses.measured_stops,
    circuit_pit_losses.usual_stops,
    cast(round(circuit_pit_losses.median_time_lost_ms / 1000.0, 1) as decimal(6, 1)) as pit_loss_s,
    cast(round(circuit_pit_losses.median_duration_ms / 1000.0, 1) as decimal(6, 1)) as pit_lane_s,
    cast(round(medians.median_ms / 1000.0, 1) as decimal(6, 1)) as median_circuit_s
from marts.circuit_pit_losses
left join medians
    on circuit_pit_losses.season = medians.season
where circuit_pit_losses.circuit_id = :circuit
order by circuit_pit_losses.season
