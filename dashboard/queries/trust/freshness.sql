-- The last race with results, the next race of the calendar, and how many days ago they were.
with

last_held as (

    select
        season,
        round,
        race_name,
        race_date,
        row_number() over (order by race_date desc, race_id desc) as recency
    from marts.dim_races
    where is_held

),

next_races as (

    select
        dim_races.race_name,
        dim_races.race_date,
        row_number() over (order by dim_races.race_date, dim_races.race_id) as nearness
    from marts.dim_races
    inner join last_held
        on dim_races.race_date > last_held.race_date
        and last_held.recency = 1
    where not dim_races.is_held

),

seasons as (

    select
        min(season) as first_season,
        cast(sum(races_held) as integer) as races_held,
        min(case when wikipedia_url like '%//example.org/%' then 1 else 0 end) = 1 as is_simulated
    from marts.dim_seasons

)

select
    seasons.first_season,
    seasons.races_held,
    seasons.is_simulated,
    last_held.season,
    last_held.round,
    last_held.race_name as last_race_name,
    last_held.race_date as last_race_date,
    next_races.race_name as next_race_name,
    next_races.race_date as next_race_date,
    cast(:today as date) - last_held.race_date as days_since_last,
    cast(:today as date) - next_races.race_date as days_since_next
from last_held
cross join seasons
left join next_races
    on next_races.nearness = 1
where last_held.recency = 1
