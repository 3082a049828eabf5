-- The table after the last session of a round that gives points: the dump names the round only there. A driver who was
-- excluded from the championship has no position in the dump.
with

standings as (

    select
        driverchampionship.*,
        race_ids.race_id,
        driver_ids.driver_id as raw_driver_id
    from dump.driverchampionship
    left join race_ids
        on driverchampionship.round_id = race_ids.dump_id
    left join driver_ids
        on driverchampionship.driver_id = driver_ids.dump_id
    where driverchampionship.round_id is not null

),

known_standings as (

    select
        race_id,
        driver_id,
        min(driver_standings_id) as driver_standings_id
    from known.driver_standings
    group by race_id, driver_id

)

select
    coalesce(known_standings.driver_standings_id, new_id(standings.id)) as driver_standings_id,
    coalesce(cast(standings.race_id as varchar), 'no round ' || standings.round_id) as race_id,
    coalesce(cast(standings.raw_driver_id as varchar), 'no driver ' || standings.driver_id) as driver_id,
    standings.points,
    standings.position,
    case
        when standings.adjustment_type = '101' then 'D'
        when standings.adjustment_type = '102' then 'E'
        else coalesce(standings.position, '-')
    end as position_text,
    standings.win_count as wins
from standings
left join known_standings
    on standings.race_id = known_standings.race_id
    and standings.raw_driver_id = known_standings.driver_id
order by driver_standings_id
