with

possible as (
    select
        *,
        max(round) over (partition by constructor_id) as last_round,
        count(*) over (partition by round) as competitors
    from marts.fct_constructor_championship
    where season = :season and is_title_possible
)

select
    possible.round,
    possible.race_name,
    possible.constructor_name as competitor,
    possible.constructor_id,
    possible.constructor_name,
    possible.championship_position,
    possible.points_counted,
    possible.gap_to_leader,
    possible.points_attainable,
    possible.competitors,
    possible.last_round,
    possible.title_decided_in_round
from possible
order by possible.last_round desc, possible.competitors asc, possible.championship_position asc, possible.round asc
