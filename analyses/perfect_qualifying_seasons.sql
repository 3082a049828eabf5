-- Who was never out-qualified by a team mate in a season of at least fifteen comparisons?
--
-- | season | driver_name | team_mate_name | qualifyings_ahead | median_qualifying_gap_percent |
-- |---|---|---|---|---|
-- | 2023 | Alexander Albon | Logan Sargeant | 22 | -0.567 |
-- | 2018 | Fernando Alonso | Stoffel Vandoorne | 21 | -0.372 |
-- | 2019 | George Russell | Robert Kubica | 21 | -0.533 |
-- | 2008 | Fernando Alonso | Nelson Piquet Jr. | 18 | -0.463 |
-- | 2025 | Fernando Alonso | Lance Stroll | 18 | -0.258 |
-- | 2020 | Max Verstappen | Alexander Albon | 17 | -0.616 |
-- | 2020 | George Russell | Nicholas Latifi | 16 | -0.767 |
-- | 2025 | Max Verstappen | Yuki Tsunoda | 16 | -0.762 |
-- | 2017 | Nico Hülkenberg | Jolyon Palmer | 15 | -0.955 |
with

team_mates as (

    select * from {{ ref('team_mate_seasons') }}

),

whitewashes as (

    select
        season,
        driver_name,
        team_mate_driver_name as team_mate_name,
        qualifyings_ahead,
        median_qualifying_gap_percent
    from team_mates
    where
        qualifyings_behind = 0
        and qualifyings_ahead >= 15

)

select * from whitewashes
order by qualifyings_ahead desc, season asc, driver_name asc
