-- For how many races of each season the source has results, qualifying, lap times and pit stops.
select
    season,
    races_scheduled,
    races_held,
    is_complete,
    races_with_qualifying,
    races_with_lap_times,
    races_with_pit_stops,
    cast(round(100.0 * races_held / races_scheduled, 1) as decimal(5, 1)) as results_percent,
    cast(round(100.0 * races_with_qualifying / nullif(races_held, 0), 1) as decimal(5, 1)) as qualifying_percent,
    cast(round(100.0 * races_with_lap_times / nullif(races_held, 0), 1) as decimal(5, 1)) as laps_percent,
    cast(round(100.0 * races_with_pit_stops / nullif(races_held, 0), 1) as decimal(5, 1)) as pit_stops_percent
from marts.dim_seasons
order by season
