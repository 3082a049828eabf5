{{ config(materialized=by_season()) }}

with

seasons as (

    select * from {{ ref('stg_ergast__seasons') }}

),

season_calendars as (

    select * from {{ ref('int_races__seasons') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

lap_times as (

    select * from {{ ref('stg_ergast__lap_times') }}

),

pit_stops as (

    select * from {{ ref('stg_ergast__pit_stops') }}

),

qualifying as (

    select * from {{ ref('stg_ergast__qualifying') }}

),

races_with_lap_times as (

    select distinct race_id from lap_times

),

races_with_pit_stops as (

    select distinct race_id from pit_stops

),

races_with_qualifying as (

    select distinct race_id from qualifying

),

coverage as (

    select
        races.season,
        cast(count(races_with_qualifying.race_id) as integer) as races_with_qualifying,
        cast(count(races_with_lap_times.race_id) as integer) as races_with_lap_times,
        cast(count(races_with_pit_stops.race_id) as integer) as races_with_pit_stops
    from races
    left join races_with_lap_times
        on races.race_id = races_with_lap_times.race_id
    left join races_with_pit_stops
        on races.race_id = races_with_pit_stops.race_id
    left join races_with_qualifying
        on races.race_id = races_with_qualifying.race_id
    group by races.season

),

final as (

    select
        seasons.season,
        coalesce(season_calendars.races_scheduled, 0) as races_scheduled,
        coalesce(season_calendars.races_held, 0) as races_held,
        coalesce(season_calendars.is_complete, false) as is_complete,
        coalesce(season_calendars.sprint_weekends, 0) as sprint_weekends,
        coalesce(coverage.races_with_qualifying, 0) as races_with_qualifying,
        coalesce(coverage.races_with_lap_times, 0) as races_with_lap_times,
        coalesce(coverage.races_with_pit_stops, 0) as races_with_pit_stops,
        season_calendars.first_race_date,
        season_calendars.last_race_date,
        seasons.wikipedia_url
    from seasons
    left join season_calendars
        on seasons.season = season_calendars.season
    left join coverage
        on seasons.season = coverage.season

)

select * from final
