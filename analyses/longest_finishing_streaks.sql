-- Who finished the most races in a row, and what ended the streak?
--
-- | place | driver_name | races | first_season | first_race | last_season | last_race | reason_ended |
-- |---|---|---|---|---|---|---|---|
-- | 1 | Lewis Hamilton | 62 | 2018 | British Grand Prix | 2021 | Dutch Grand Prix | collision |
-- | 2 | Oscar Piastri | 44 | 2023 | Mexico City Grand Prix | 2025 | Italian Grand Prix | accident |
-- | 3 | Max Verstappen | 43 | 2022 | Emilia Romagna Grand Prix | 2024 | Saudi Arabian Grand Prix | brakes |
-- | 4 | Kimi Räikkönen | 38 | 2009 | Hungarian Grand Prix | 2013 | Hungarian Grand Prix | brakes |
-- | 5 | Daniel Ricciardo | 34 | 2020 | Styrian Grand Prix | 2021 | Mexico City Grand Prix | engine |
-- | 5 | Lando Norris | 34 | 2023 | Abu Dhabi Grand Prix | 2025 | Spanish Grand Prix | collision |
with

streaks as (

    select * from {{ ref('driver_finishing_streaks') }}

),

ranked as (

    select
        rank() over (order by races desc) as place,
        driver_name,
        races,
        first_season,
        first_race_name as first_race,
        last_season,
        last_race_name as last_race,
        reason_ended
    from streaks

)

select * from ranked
where place <= 5
order by place asc, first_season asc
