select
    early_driver_name,
    late_driver_name,
    outcome,
    early_stop_lap,
    late_stop_lap,
    cast(gap_before_ms / 1000.0 as decimal(9, 3)) as gap_before_s,
    cast(gap_after_ms / 1000.0 as decimal(9, 3)) as gap_after_s,
    cast(early_gain_ms / 1000.0 as decimal(9, 3)) as early_gain_s,
    cast(lane_gain_ms / 1000.0 as decimal(9, 3)) as lane_gain_s,
    has_unusual_stop,
    count(*) over (partition by outcome) as same_outcome
from marts.fct_undercuts
where race_id = :race
order by
    case outcome when 'undercut' then 1 when 'overcut' then 2 else 3 end,
    early_gain_ms desc nulls last
