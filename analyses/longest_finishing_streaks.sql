-- Who finished the most races in a row, and what ended the streak?
--
-- | driver_name | races | first_season | first_race | last_season | last_race | reason_ended |
-- |---|---|---|---|---|---|---|
-- | Lewis Hamilton | 62 | 2018 | British Grand Prix | 2021 | Dutch Grand Prix | collision |
-- | Oscar Piastri | 44 | 2023 | Mexico City Grand Prix | 2025 | Italian Grand Prix | accident |
-- | Max Verstappen | 43 | 2022 | Emilia Romagna Grand Prix | 2024 | Saudi Arabian Grand Prix | brakes |
-- | Kimi Räikkönen | 38 | 2009 | Hungarian Grand Prix | 2013 | Hungarian Grand Prix | brakes |
-- | Daniel Ricciardo | 34 | 2020 | Styrian Grand Prix | 2021 | Mexico City Grand Prix | engine |
with

streaks as (

    select * from {{ ref('driver_finishing_streaks') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

named as (

    select
        drivers.driver_name,
        streaks.races,
        streaks.first_season,
        first_races.race_name as first_race,
        streaks.last_season,
        last_races.race_name as last_race,
        streaks.reason_ended
    from streaks
    inner join drivers
        on streaks.driver_id = drivers.driver_id
    inner join races as first_races
        on streaks.first_race_id = first_races.race_id
    inner join races as last_races
        on streaks.last_race_id = last_races.race_id

)

select * from named
order by races desc, first_season asc
limit 5
