-- The team mates of a driver, those with the most races together first.
select
    team_mate_driver_id,
    team_mate_driver_name,
    first_season,
    last_season,
    races_together,
    races_ahead,
    races_behind,
    qualifyings_ahead,
    qualifyings_behind,
    median_qualifying_gap_percent,
    points,
    team_mate_points,
    cast(count(*) filter (where qualifyings_ahead > qualifyings_behind) over () as integer) as beaten_in_qualifying,
    cast(
        count(*) filter (where qualifyings_ahead + qualifyings_behind > 0) over () as integer
    ) as compared_in_qualifying,
    cast(count(*) filter (where races_ahead > races_behind) over () as integer) as beaten_in_races,
    cast(count(*) filter (where races_ahead + races_behind > 0) over () as integer) as compared_in_races
from marts.team_mate_careers
where driver_id = :driver
order by races_together desc, first_season asc, team_mate_driver_id asc
