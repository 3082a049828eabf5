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

possible as (
    select
        *,
        max(round) over (partition by driver_id) as last_round,
        count(*) over (partition by round) as competitors
    from marts.fct_driver_championship
    where season = :season and is_title_possible
)

select
    possible.round,
    possible.race_name,
    possible.driver_name as competitor,
    drives.constructor_id,
    drives.constructor_name,
    possible.championship_position,
    possible.points_counted,
    possible.gap_to_leader,
    possible.points_attainable,
    possible.competitors,
    possible.last_round,
    possible.title_decided_in_round
from possible
left join drives on possible.driver_id = drives.driver_id and drives.drive = 1
order by possible.last_round desc, possible.competitors asc, possible.championship_position asc, possible.round asc
