-- Points of a sprint that are not those of its place and the rules of its season.
select
    sprint_result_id,
    season,
    round,
    driver_id,
    points,
    points_computed
from {{ ref('fct_sprint_results') }}
where points is distinct from points_computed
