select distinct
    what_if.points_system,
    what_if.is_system_of_season,
    points_systems.source
from marts.championship_what_if as what_if
inner join seeds.points_systems on what_if.points_system = points_systems.points_system
where what_if.season = :season
order by what_if.is_system_of_season desc, what_if.points_system asc
