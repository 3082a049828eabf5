-- A constructor's seasons, and how many cars finished: its own and those of all constructors.
with

field as (

    select
        season,
        sum(finishes) as finishes,
        sum(car_starts) as car_starts
    from marts.constructor_seasons
    group by season

),

seasons as (

    select
        constructor_seasons.*,
        field.finishes as field_finishes,
        field.car_starts as field_car_starts
    from marts.constructor_seasons
    inner join field
        on constructor_seasons.season = field.season
    where constructor_seasons.constructor_id = :constructor

)

select
    season,
    starts,
    wins,
    podium_places,
    poles,
    points,
    championship_position,
    is_champion,
    is_season_complete,
    car_starts,
    finishes,
    cast(round(100.0 * wins / nullif(starts, 0), 1) as decimal(4, 1)) as wins_percent,
    cast(round(100.0 * finishes / nullif(car_starts, 0), 1) as decimal(4, 1)) as finishes_percent,
    cast(round(100.0 * field_finishes / nullif(field_car_starts, 0), 1) as decimal(4, 1)) as field_finishes_percent,
    cast(
        round(100.0 * sum(finishes) over () / nullif(sum(car_starts) over (), 0), 1) as decimal(4, 1)
    ) as all_finishes_percent,
    cast(
        round(100.0 * sum(field_finishes) over () / nullif(sum(field_car_starts) over (), 0), 1) as decimal(4, 1)
    ) as all_field_finishes_percent
from seasons
order by season
