-- Race results whose points are not those of their place by the rules of the season.
select
    result_id,
    season,
    round,
    driver_id,
    points,
    points_computed
from {{ ref('fct_race_results') }}
where points is distinct from points_computed
