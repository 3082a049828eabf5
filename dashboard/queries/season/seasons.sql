select
    season,
    is_complete,
    races_held,
    races_scheduled
from marts.dim_seasons
where races_held > 0
order by season desc
