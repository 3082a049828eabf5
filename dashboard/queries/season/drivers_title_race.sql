-- The table after each round, with the constructor that each driver drove for most often.
with drives as (
    select
        driver_id,
        constructor_id,
        row_number() over (
            partition by driver_id
            order by count(*) desc, max(round) desc, constructor_id
        ) as drive
    from marts.fct_race_results
    where season = :season
    group by driver_id, constructor_id
),

final_tables as (
    select
        driver_id,
        championship_position as final_position
    from marts.fct_driver_championship
    where season = :season and is_latest_of_season
)

select
    championship.round,
    championship.race_name,
    championship.driver_id as competitor_id,
    championship.driver_name as competitor,
    coalesce(dim_drivers.driver_code, upper(left(dim_drivers.family_name, 3))) as code,
    drives.constructor_id,
    final_tables.final_position,
    championship.championship_position,
    championship.points_counted,
    championship.gap_to_leader,
    championship.wins
from marts.fct_driver_championship as championship
inner join marts.dim_drivers on championship.driver_id = dim_drivers.driver_id
inner join final_tables on championship.driver_id = final_tables.driver_id
left join drives on championship.driver_id = drives.driver_id and drives.drive = 1
where championship.season = :season
order by final_tables.final_position, championship.round
