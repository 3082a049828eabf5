-- In which races since 2010 was the field slow for the most laps, because of a safety car or rain?
--
-- | season | race_name | laps | slow_laps | red_flag_laps |
-- |---|---|---|---|---|
-- | 2011 | Canadian Grand Prix | 70 | 42 | 1 |
-- | 2016 | Monaco Grand Prix | 78 | 40 | 0 |
-- | 2012 | Brazilian Grand Prix | 71 | 38 | 0 |
-- | 2012 | Malaysian Grand Prix | 56 | 37 | 1 |
-- | 2021 | Emilia Romagna Grand Prix | 63 | 33 | 3 |
with

race_laps as (

    select * from {{ ref('fct_race_laps') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

field_laps as (

    select
        race_id,
        lap_number,
        max(case when is_field_slow then 1 else 0 end) as slow_laps,
        max(case when is_red_flag then 1 else 0 end) as red_flag_laps
    from race_laps
    where season >= 2010
    group by race_id, lap_number

),

slow_races as (

    select
        races.season,
        races.race_name,
        count(*) as laps,
        sum(field_laps.slow_laps) as slow_laps,
        sum(field_laps.red_flag_laps) as red_flag_laps
    from field_laps
    inner join races
        on field_laps.race_id = races.race_id
    group by races.season, races.race_name

)

select * from slow_races
order by slow_laps desc, season asc
limit 5
