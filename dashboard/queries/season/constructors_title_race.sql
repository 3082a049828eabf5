with

final_table as (
    select
        constructor_id,
        championship_position as final_position
    from marts.fct_constructor_championship
    where season = :season and is_latest_of_season
)

select
    championship.round,
    championship.race_name,
    championship.constructor_name as competitor,
    championship.constructor_name as code,
    championship.constructor_id,
    championship.constructor_name,
    final_table.final_position,
    championship.championship_position,
    championship.points_counted,
    championship.gap_to_leader,
    championship.wins,
    championship.is_latest_of_season,
    championship.is_champion,
    championship.title_decided_in_round
from marts.fct_constructor_championship as championship
inner join final_table on championship.constructor_id = final_table.constructor_id
where championship.season = :season and final_table.final_position <= :shown
order by final_table.final_position, championship.round
