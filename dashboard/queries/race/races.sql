select
    dim_races.season,
    dim_races.round,
    dim_races.race_id,
    dim_races.race_name,
    dim_seasons.races_with_lap_times > 0 as has_lap_times,
    dim_seasons.races_with_pit_stops > 0 as has_pit_stops
from marts.dim_races
inner join marts.dim_seasons on dim_races.season = dim_seasons.season
where dim_races.is_held
order by dim_races.season desc, dim_races.round asc
