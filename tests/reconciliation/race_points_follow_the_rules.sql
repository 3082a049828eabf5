-- Points of a result that are not those of its place and the rules of its season.
select
    result_id,
    season,
    round,
    driver_id,
    points,
    points_computed
from {{ ref('fct_race_results') }}
where points is distinct from points_computed
