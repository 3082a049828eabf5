-- A constructor's history in one row.
select
    constructor_name,
    first_season,
    last_season,
    seasons,
    starts,
    car_starts,
    finishes,
    titles,
    wins,
    podium_places,
    poles,
    points,
    best_championship_position,
    best_finish,
    cast(round(100.0 * wins / nullif(starts, 0), 1) as decimal(4, 1)) as wins_percent,
    cast(round(100.0 * finishes / nullif(car_starts, 0), 1) as decimal(4, 1)) as finishes_percent
from marts.constructor_careers
where constructor_id = :constructor
