-- Competitors who lead only one of two tables, the computed and the official latest table of a season, and champions
-- who do not lead both.
with

computed as (

    select * from {{ ref('int_championship__reconciliation') }}
    where is_latest_of_season

)

select
    championship,
    season,
    competitor_id,
    is_champion,
    championship_position,
    official_position
from computed
where
    (official_position = 1) is distinct from (championship_position = 1) and official_position is not null
    or is_champion and championship_position <> 1
    or is_champion and official_position <> 1
