{{ config(materialized='by_season') }}

with

results as (

    select * from {{ ref('int_results__race_and_sprint_results') }}
    where session_type = 'race' and fastest_lap_time_ms is not null

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

driven_laps as (

    select * from {{ ref('int_laps__driven') }}

),

-- Imported twice: for a CTE that is read twice DuckDB would keep all laps in memory.
laps_of_drivers as (

    select * from {{ ref('int_laps__driven') }}

),

season_results as (

    select
        results.*,
        races.season
    from results
    inner join races
        on results.race_id = races.race_id

),

-- Drivers whose lap of that number had that time to the millisecond.
lap_holders as (

    select
        season_results.season,
        season_results.race_id,
        season_results.result_id,
        season_results.driver_id,
        season_results.laps_completed,
        sum(case when season_results.driver_id = driven_laps.actual_driver_id then 1 else 0 end) as own_laps
    from season_results
    inner join driven_laps
        on season_results.season = driven_laps.season
        and season_results.race_id = driven_laps.race_id
        and season_results.fastest_lap_number = driven_laps.lap_number
        and season_results.fastest_lap_time_ms = driven_laps.lap_time_ms
    group by
        season_results.season,
        season_results.race_id,
        season_results.result_id,
        season_results.driver_id,
        season_results.laps_completed

),

-- Laps beyond the distance of the result do not count.
own_laps as (

    select
        lap_holders.season,
        lap_holders.race_id,
        lap_holders.result_id,
        laps_of_drivers.lap_number,
        laps_of_drivers.lap_time_ms,
        count(*) over laps_of_result as laps,
        lap_holders.laps_completed,
        row_number() over (
            partition by lap_holders.season, lap_holders.result_id
            order by laps_of_drivers.lap_time_ms asc, laps_of_drivers.lap_number asc
        ) as lap_rank
    from lap_holders
    inner join laps_of_drivers
        on lap_holders.season = laps_of_drivers.season
        and lap_holders.race_id = laps_of_drivers.race_id
        and lap_holders.driver_id = laps_of_drivers.actual_driver_id
        and lap_holders.laps_completed >= laps_of_drivers.lap_number
    where lap_holders.own_laps = 0
    window laps_of_result as (partition by lap_holders.season, lap_holders.result_id)

),

least_laps as (

    select * from own_laps
    where lap_rank = 1 and laps = laps_completed

),

known_laps as (

    select
        season,
        race_id,
        fastest_lap_number,
        fastest_lap_time_ms,
        fastest_lap_speed_kph
    from season_results

    union all

    select
        season,
        race_id,
        lap_number as fastest_lap_number,
        lap_time_ms as fastest_lap_time_ms,
        cast(null as decimal(6, 3)) as fastest_lap_speed_kph
    from least_laps

),

-- Once each. Drivers without a fastest lap in the source have theirs at the result of another driver.
fastest_laps as (

    select
        season,
        race_id,
        fastest_lap_number,
        fastest_lap_time_ms,
        max(fastest_lap_speed_kph) as fastest_lap_speed_kph
    from known_laps
    group by season, race_id, fastest_lap_number, fastest_lap_time_ms

),

ranked as (

    select
        *,
        row_number() over (
            partition by season, race_id
            order by fastest_lap_time_ms asc, fastest_lap_number asc
        ) as fastest_lap_rank
    from fastest_laps

),

final as (

    select
        season_results.result_id,
        season_results.race_id,
        season_results.season,
        season_results.fastest_lap_number as source_fastest_lap_number,
        season_results.fastest_lap_time_ms as source_fastest_lap_time_ms,
        ranked.fastest_lap_number,
        cast(ranked.fastest_lap_rank as integer) as fastest_lap_rank,
        ranked.fastest_lap_time_ms,
        coalesce(
            ranked.fastest_lap_speed_kph,
            {{ ratio(
                'season_results.fastest_lap_speed_kph * season_results.fastest_lap_time_ms',
                'ranked.fastest_lap_time_ms',
                'decimal(6, 3)'
            ) }}
        ) as fastest_lap_speed_kph
    from least_laps
    inner join season_results
        on least_laps.season = season_results.season
        and least_laps.result_id = season_results.result_id
    inner join ranked
        on least_laps.season = ranked.season
        and least_laps.race_id = ranked.race_id
        and least_laps.lap_number = ranked.fastest_lap_number
        and least_laps.lap_time_ms = ranked.fastest_lap_time_ms

)

select * from final
