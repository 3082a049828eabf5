-- Pairs whose two rows do not mirror each other: what one has ahead the other has behind, and gaps differ in sign only.
with

team_mates as (

    select * from {{ ref('team_mate_careers') }}

),

mirrored as (

    select * from {{ ref('team_mate_careers') }}

)

select
    team_mates.driver_id,
    team_mates.team_mate_driver_id
from team_mates
left join mirrored
    on team_mates.driver_id = mirrored.team_mate_driver_id
    and team_mates.team_mate_driver_id = mirrored.driver_id
where
    mirrored.driver_id is null
    or team_mates.races_together <> mirrored.races_together
    or team_mates.races_ahead <> mirrored.races_behind
    or team_mates.qualifyings_ahead <> mirrored.qualifyings_behind
    or team_mates.qualifying_gaps <> mirrored.qualifying_gaps
    or team_mates.points <> mirrored.team_mate_points
    or coalesce(team_mates.median_qualifying_gap_percent + mirrored.median_qualifying_gap_percent, 0) <> 0
