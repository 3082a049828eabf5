-- A driver's career in one row.
select
    driver_name,
    first_season,
    last_season,
    seasons,
    entries,
    starts,
    titles,
    wins,
    podiums,
    poles,
    fastest_laps,
    races_with_fastest_lap,
    points,
    best_championship_position,
    best_finish,
    first_win_race_name,
    first_win_race_date,
    round(100.0 * wins / nullif(starts, 0), 1) as wins_percent,
    round(100.0 * podiums / nullif(starts, 0), 1) as podiums_percent,
    round(100.0 * finishes / nullif(starts, 0), 1) as finishes_percent
from marts.driver_careers
where driver_id = :driver
