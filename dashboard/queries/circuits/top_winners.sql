-- Who won most often at a circuit. A shared win counts for each driver.
with

wins as (

    select
        fct_race_results.driver_id,
        fct_race_results.driver_name,
        fct_race_results.constructor_id,
        fct_race_results.constructor_name,
        fct_race_results.race_id,
        fct_race_results.season,
        row_number() over (
            partition by fct_race_results.driver_id
            order by fct_race_results.race_date desc
        ) as recency
    from marts.fct_race_results
    inner join marts.dim_races
        on fct_race_results.race_id = dim_races.race_id
    where
        fct_race_results.is_win
        and dim_races.circuit_id = :circuit

),

drivers as (

    select
        driver_id,
        max(driver_name) as driver_name,
        count(distinct race_id) as wins,
        string_agg(cast(season as varchar), ', ' order by season) as seasons,
        max(case when recency = 1 then constructor_id end) as constructor_id,
        max(case when recency = 1 then constructor_name end) as last_constructor_name
    from wins
    group by driver_id

)

select
    driver_name,
    cast(wins as integer) as wins,
    seasons,
    constructor_id,
    last_constructor_name
from drivers
order by wins desc, driver_name asc
