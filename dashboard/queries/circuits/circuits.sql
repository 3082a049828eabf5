-- Every circuit with races: what it is like, and its last known cost of a pit stop.
with

pit_losses as (

    select
        circuit_id,
        season,
        measured_stops,
        median_time_lost_ms,
        row_number() over (partition by circuit_id order by season desc) as recency
    from marts.circuit_pit_losses
    where median_time_lost_ms is not null

)

select
    circuit_statistics.circuit_id,
    case
        when count(*) over (partition by circuit_statistics.circuit_name) = 1 then circuit_statistics.circuit_name
        else circuit_statistics.circuit_name || ' (' || dim_circuits.circuit_ref || ')'
    end as choice,
    circuit_statistics.circuit_name,
    dim_circuits.locality,
    dim_circuits.country,
    circuit_statistics.races,
    circuit_statistics.first_season,
    circuit_statistics.last_season,
    cast(round(100 * circuit_statistics.pole_to_win_rate, 1) as decimal(4, 1)) as pole_wins_percent,
    cast(round(100 * circuit_statistics.attrition_rate, 1) as decimal(4, 1)) as attrition_percent,
    circuit_statistics.mean_places_changed,
    circuit_statistics.different_winners,
    circuit_statistics.most_successful_driver_name,
    circuit_statistics.most_successful_driver_wins,
    circuit_statistics.lap_record_ms,
    circuit_statistics.lap_record_driver_name,
    circuit_statistics.lap_record_season,
    pit_losses.season as pit_loss_season,
    cast(round(pit_losses.median_time_lost_ms / 1000.0, 1) as decimal(6, 1)) as pit_loss_s,
    row_number() over (
        order by circuit_statistics.races desc, circuit_statistics.circuit_id asc
    ) as races_rank
from marts.circuit_statistics
inner join marts.dim_circuits
    on circuit_statistics.circuit_id = dim_circuits.circuit_id
left join pit_losses
    on circuit_statistics.circuit_id = pit_losses.circuit_id
    and pit_losses.recency = 1
where circuit_statistics.races > 0
order by circuit_statistics.circuit_name, circuit_statistics.circuit_id
