select
    round,
    race_id,
    race_name
from marts.dim_races
where season = :season and is_held
order by round
