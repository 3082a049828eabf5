-- Two drivers as team mates, season by season: who was ahead how often, and the totals.
with

seasons as (

    select
        season,
        string_agg(constructor_name, ', ' order by constructor_name) as teams,
        sum(races_together) as races_together,
        sum(races_ahead) as races_ahead,
        sum(races_behind) as races_behind,
        sum(qualifyings_ahead) as qualifyings_ahead,
        sum(qualifyings_behind) as qualifyings_behind
    from marts.team_mate_seasons
    where
        driver_id = :driver
        and team_mate_driver_id = :rival
    group by season

)

select
    season,
    teams,
    cast(races_together as integer) as races_together,
    cast(races_ahead as integer) as races_ahead,
    cast(races_behind as integer) as races_behind,
    cast(qualifyings_ahead as integer) as qualifyings_ahead,
    cast(qualifyings_behind as integer) as qualifyings_behind,
    cast(sum(races_together) over () as integer) as total_races_together,
    cast(sum(races_ahead) over () as integer) as total_races_ahead,
    cast(sum(races_behind) over () as integer) as total_races_behind,
    cast(sum(qualifyings_ahead) over () as integer) as total_qualifyings_ahead,
    cast(sum(qualifyings_behind) over () as integer) as total_qualifyings_behind
from seasons
order by season
