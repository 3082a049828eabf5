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
)

select
    championship.championship_position,
    championship.driver_name as competitor,
    drives.constructor_name,
    championship.wins,
    championship.points_gross,
    championship.points_dropped,
    championship.points_adjustment,
    championship.points_counted,
    championship.gap_to_leader,
    championship.is_excluded,
    championship.is_reconciled,
    championship.exception_reason
from marts.fct_driver_championship as championship
left join drives on championship.driver_id = drives.driver_id and drives.drive = 1
where championship.season = :season and championship.is_latest_of_season
order by championship.championship_position
