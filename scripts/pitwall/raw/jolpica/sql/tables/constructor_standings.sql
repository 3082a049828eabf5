-- The table after the last session of a round that gives points: the dump names the round only there. A team that was
-- excluded from the championship has no position in the dump.
with

standings as (

    select
        teamchampionship.*,
        race_ids.race_id,
        constructor_ids.constructor_id as raw_constructor_id
    from dump.teamchampionship
    left join race_ids
        on teamchampionship.round_id = race_ids.dump_id
    left join constructor_ids
        on teamchampionship.team_id = constructor_ids.dump_id
    where teamchampionship.round_id is not null

),

known_standings as (

    select
        race_id,
        constructor_id,
        min(constructor_standings_id) as constructor_standings_id
    from known.constructor_standings
    group by race_id, constructor_id

)

select
    coalesce(known_standings.constructor_standings_id, new_id(standings.id)) as constructor_standings_id,
    coalesce(cast(standings.race_id as varchar), 'no round ' || standings.round_id) as race_id,
    coalesce(cast(standings.raw_constructor_id as varchar), 'no team ' || standings.team_id) as constructor_id,
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
    and standings.raw_constructor_id = known_standings.constructor_id
order by constructor_standings_id
