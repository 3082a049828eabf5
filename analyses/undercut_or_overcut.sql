-- How often did the driver who stopped first come ahead, and how often did they lose the place, by season since 2018?
--
-- | season | stopped_from_behind | came_ahead | stopped_from_ahead | lost_the_place |
-- |---|---|---|---|---|
-- | 2018 | 34 | 20 | 56 | 12 |
-- | 2019 | 59 | 21 | 61 | 7 |
-- | 2020 | 24 | 9 | 29 | 7 |
-- | 2021 | 57 | 22 | 62 | 16 |
-- | 2022 | 61 | 31 | 60 | 10 |
-- | 2023 | 77 | 39 | 82 | 10 |
-- | 2024 | 93 | 47 | 82 | 13 |
with

undercuts as (

    select * from {{ ref('fct_undercuts') }}

),

season_undercuts as (

    select
        season,
        count(*) filter (where gap_before_ms > 0) as stopped_from_behind,
        count(*) filter (where outcome = 'undercut') as came_ahead,
        count(*) filter (where gap_before_ms < 0) as stopped_from_ahead,
        count(*) filter (where outcome = 'overcut') as lost_the_place
    from undercuts
    where season >= 2018
    group by season

)

select * from season_undercuts
order by season
