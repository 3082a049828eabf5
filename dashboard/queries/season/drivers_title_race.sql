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

final_table as (
    select
        driver_id,
        championship_position as final_position
    from marts.fct_driver_championship
    where season = :season and is_latest_of_season
)

select
    championship.round,
    championship.race_name,
    championship.driver_name as competitor,
    coalesce(dim_drivers.driver_code, upper(left(dim_drivers.family_name, 3))) as code,
    drives.constructor_id,
    drives.constructor_name,
    final_table.final_position,
    championship.championship_position,
    championship.points_counted,
    championship.gap_to_leader,
    championship.wins,
    championship.is_latest_of_season,
    championship.is_champion,
    championship.title_decided_in_round
from marts.fct_driver_championship as championship
inner join marts.dim_drivers on championship.driver_id = dim_drivers.driver_id
inner join final_table on championship.driver_id = final_table.driver_id
left join drives on championship.driver_id = drives.driver_id and drives.drive = 1
where championship.season = :season and final_table.final_position <= :shown
order by final_table.final_position, championship.round
