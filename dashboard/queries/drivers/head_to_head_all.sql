-- Two drivers in any cars, season by season: who was ahead how often, and the totals. A classified
-- driver is ahead of one who is not.
with

driver_races as (

    select * from marts.fct_race_results
    where driver_id = :driver and driver_entry_number = 1

),

rival_races as (

    select * from marts.fct_race_results
    where driver_id = :rival and driver_entry_number = 1

),

races as (

    select
        driver_races.season,
        count(*) as races_together,
        count(*) filter (
            where driver_races.finishing_position < rival_races.finishing_position
            or (driver_races.finishing_position is not null and rival_races.finishing_position is null)
        ) as races_ahead,
        count(*) filter (
            where rival_races.finishing_position < driver_races.finishing_position
            or (rival_races.finishing_position is not null and driver_races.finishing_position is null)
        ) as races_behind
    from driver_races
    inner join rival_races
        on driver_races.race_id = rival_races.race_id
    where driver_races.is_started and rival_races.is_started
    group by driver_races.season

),

qualifyings as (

    select
        driver_gaps.season,
        count(*) filter (
            where driver_gaps.qualifying_position < rival_gaps.qualifying_position
        ) as qualifyings_ahead,
        count(*) filter (
            where driver_gaps.qualifying_position > rival_gaps.qualifying_position
        ) as qualifyings_behind
    from marts.fct_qualifying_gaps as driver_gaps
    inner join marts.fct_qualifying_gaps as rival_gaps
        on driver_gaps.race_id = rival_gaps.race_id
    where
        driver_gaps.driver_id = :driver
        and rival_gaps.driver_id = :rival
    group by driver_gaps.season

),

seasons as (

    select
        coalesce(races.season, qualifyings.season) as season,
        coalesce(races.races_together, 0) as races_together,
        coalesce(races.races_ahead, 0) as races_ahead,
        coalesce(races.races_behind, 0) as races_behind,
        coalesce(qualifyings.qualifyings_ahead, 0) as qualifyings_ahead,
        coalesce(qualifyings.qualifyings_behind, 0) as qualifyings_behind
    from races
    full join qualifyings
        on races.season = qualifyings.season

)

select
    season,
    cast(races_together as integer) as races_together,
    cast(races_ahead as integer) as races_ahead,
    cast(races_behind as integer) as races_behind,
    cast(qualifyings_ahead as integer) as qualifyings_ahead,
    cast(qualifyings_behind as integer) as qualifyings_behind,
    cast(sum(races_together) over () as integer) as total_races_together,
    cast(sum(races_ahead) over () as integer) as total_races_ahead,
    cast(sum(races_behind) over () as integer) as total_races_behind,
    cast(sum(qualifyings_ahead) over () as integer) as total_qualifyings_ahead,
    cast(sum(qualifyings_behind) over () as integer) as total_qualifyings_behind
from seasons
order by season
