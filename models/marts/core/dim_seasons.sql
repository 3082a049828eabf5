{{ config(materialized='by_season') }}

with

seasons as (

    select * from {{ ref('stg_ergast__seasons') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

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

season_races as (

    select
        races.season,
        count(*) as races_scheduled,
        count(*) filter (where races.is_held) as races_held,
        count(*) filter (where races.is_sprint_weekend) as sprint_weekends,
        count(races_with_qualifying.race_id) as races_with_qualifying,
        count(races_with_lap_times.race_id) as races_with_lap_times,
        count(races_with_pit_stops.race_id) as races_with_pit_stops,
        min(races.race_date) as first_race_date,
        max(races.race_date) as last_race_date
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
        cast(coalesce(season_races.races_scheduled, 0) as integer) as races_scheduled,
        cast(coalesce(season_races.races_held, 0) as integer) as races_held,
        coalesce(season_races.races_held = season_races.races_scheduled, false) as is_complete,
        cast(coalesce(season_races.sprint_weekends, 0) as integer) as sprint_weekends,
        cast(coalesce(season_races.races_with_qualifying, 0) as integer) as races_with_qualifying,
        cast(coalesce(season_races.races_with_lap_times, 0) as integer) as races_with_lap_times,
        cast(coalesce(season_races.races_with_pit_stops, 0) as integer) as races_with_pit_stops,
        season_races.first_race_date,
        season_races.last_race_date,
        seasons.wikipedia_url
    from seasons
    left join season_races
        on seasons.season = season_races.season

)

select * from final
