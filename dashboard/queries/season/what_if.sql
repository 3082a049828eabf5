-- Every result counts but those of one race. Equal points: in the order of the whole season, which counts places.
with
-- The constructor for which a driver started most often; the latest if that is a tie.
drives as (
    select
        driver_id,
        constructor_id,
        constructor_name,
        row_number() over (
            partition by driver_id
            order by count(*) desc, max(round) desc, constructor_id
        ) as drive
    from marts.fct_race_results
    where season = :season
    group by driver_id, constructor_id, constructor_name
),

points as (
    select
        driver_id,
        sum(points) as points
    from marts.fct_what_if_points
    where season = :season and points_system = :system and round <> :without
    group by driver_id
),

final_table as (
    select
        driver_id,
        is_excluded
    from marts.fct_driver_championship
    where season = :season and is_latest_of_season
),

places as (
    select
        what_if.driver_id,
        what_if.driver_name,
        what_if.actual_points,
        what_if.actual_position,
        coalesce(points.points, 0) as points,
        row_number() over (
            order by final_table.is_excluded asc, coalesce(points.points, 0) desc, what_if.position asc
        ) as place
    from marts.championship_what_if as what_if
    inner join final_table on what_if.driver_id = final_table.driver_id
    left join points on what_if.driver_id = points.driver_id
    where what_if.season = :season and what_if.points_system = :system
)

select
    places.place,
    places.driver_name,
    drives.constructor_id,
    drives.constructor_name,
    places.points,
    places.actual_position,
    places.actual_points,
    places.actual_position - places.place as places_gained,
    places.points - lead(places.points) over (order by places.place) as ahead_of_next
from places
left join drives on places.driver_id = drives.driver_id and drives.drive = 1
order by places.place
