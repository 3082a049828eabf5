-- Whose pit crew was the fastest of each season since 2018, and by how much?
--
-- | season | constructor_name | stops | median_to_race_median_ms | lead_ms |
-- |---|---|---|---|---|
-- | 2018 | Mercedes | 52 | -564 | 16 |
-- | 2019 | Red Bull | 65 | -480 | 222 |
-- | 2020 | Red Bull | 53 | -642 | 479 |
-- | 2021 | Red Bull | 69 | -404 | 171 |
-- | 2022 | Red Bull | 81 | -591 | 234 |
-- | 2023 | Red Bull | 84 | -512 | 34 |
-- | 2024 | Red Bull | 77 | -368 | 39 |
-- | 2025 | Ferrari | 57 | -367 | 116 |
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
