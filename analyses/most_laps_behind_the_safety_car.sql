-- In which races since 2010 was the field slow for the most laps, because of a safety car or rain?
--
-- | place | season | race_name | laps | slow_laps | red_flag_laps |
-- |---|---|---|---|---|---|
-- | 1 | 2011 | Canadian Grand Prix | 70 | 42 | 1 |
-- | 2 | 2016 | Monaco Grand Prix | 78 | 40 | 0 |
-- | 3 | 2012 | Brazilian Grand Prix | 71 | 38 | 0 |
-- | 4 | 2012 | Malaysian Grand Prix | 56 | 37 | 1 |
-- | 5 | 2021 | Emilia Romagna Grand Prix | 63 | 33 | 3 |
-- | 5 | 2024 | Canadian Grand Prix | 70 | 33 | 0 |
with

race_laps as (

    select * from {{ ref('fct_race_laps') }}
    where season >= 2010

),

-- The marts of single laps have no names.
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
    group by race_id, lap_number

),

slow_races as (

    select
        race_id,
        count(*) as laps,
        sum(slow_laps) as slow_laps,
        sum(red_flag_laps) as red_flag_laps
    from field_laps
    group by race_id

),

ranked as (

    select
        rank() over (order by slow_races.slow_laps desc) as place,
        races.season,
        races.race_name,
        slow_races.laps,
        slow_races.slow_laps,
        slow_races.red_flag_laps
    from slow_races
    inner join races
        on slow_races.race_id = races.race_id

)

select * from ranked
where place <= 5
order by place asc, season asc
