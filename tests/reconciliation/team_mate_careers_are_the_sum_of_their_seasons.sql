-- Pairs whose career is not the sum of the seasons in which they were team mates.
with

careers as (

    select * from {{ ref('team_mate_careers') }}

),

team_mate_seasons as (

    select * from {{ ref('team_mate_seasons') }}

),

summed as (

    select
        driver_id,
        team_mate_driver_id,
        sum(races_together) as races_together,
        sum(races_ahead) as races_ahead,
        sum(qualifyings_ahead) as qualifyings_ahead,
        sum(points) as points
    from team_mate_seasons
    group by
        driver_id,
        team_mate_driver_id

)

select
    careers.driver_id,
    careers.team_mate_driver_id
from careers
full outer join summed
    on careers.driver_id = summed.driver_id
    and careers.team_mate_driver_id = summed.team_mate_driver_id
where
    careers.races_together is distinct from summed.races_together
    or careers.races_ahead is distinct from summed.races_ahead
    or careers.qualifyings_ahead is distinct from summed.qualifyings_ahead
    or careers.points is distinct from summed.points
