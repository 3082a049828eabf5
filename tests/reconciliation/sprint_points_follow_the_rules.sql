-- Sprint results whose points are not those of their place by the rules of the season.
select
    sprint_result_id,
    season,
    round,
    driver_id,
    points,
    points_computed
from {{ ref('fct_sprint_results') }}
where points is distinct from points_computed
