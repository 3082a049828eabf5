-- Whose pit crew was the fastest of each season since 2018, and by how much?
--
-- | season | constructor_name | stops | median_to_race_median_ms | lead_ms |
-- |---|---|---|---|---|
-- | 2018 | Mercedes | 52 | -563 | 15 |
-- | 2019 | Red Bull | 65 | -480 | 230 |
-- | 2020 | Red Bull | 53 | -642 | 479 |
-- | 2021 | Red Bull | 69 | -400 | 175 |
-- | 2022 | Red Bull | 81 | -591 | 285 |
-- | 2023 | Red Bull | 84 | -495 | 21 |
-- | 2024 | Red Bull | 77 | -336 | 27 |
-- | 2025 | Ferrari | 57 | -367 | 179 |
with

pit_crews as (

    select * from {{ ref('constructor_pit_stops') }}

),

compared as (

    select
        *,
        lead(median_to_race_median_ms) over (
            partition by season order by season_rank
        ) - median_to_race_median_ms as lead_ms
    from pit_crews

),

fastest_crews as (

    select
        season,
        constructor_name,
        stops,
        median_to_race_median_ms,
        lead_ms
    from compared
    where
        season_rank = 1
        and season >= 2018

)

select * from fastest_crews
order by season asc, constructor_name asc
