{{ config(materialized='by_season', meta={'seasons_in_block': var('seasons_in_block')}) }}

with

race_laps as (

    select * from {{ ref('fct_race_laps') }}
    where is_in_lap is not null and {{ in_changed_seasons() }}

),

pit_stops as (

    select * from {{ ref('int_laps__pit_stop_kinds') }}
    where stop_kind <> 'drive-through' and {{ in_changed_seasons() }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

marked as (

    select
        race_laps.race_id,
        race_laps.driver_id,
        race_laps.lap_number,
        race_laps.season,
        race_laps.round,
        race_laps.lap_time_ms,
        race_laps.is_green,
        race_laps.is_red_flag,
        pit_stops.stop_kind,
        lag(pit_stops.stop_kind) over (
            partition by race_laps.race_id, race_laps.driver_id order by race_laps.lap_number
        ) as stop_kind_before
    from race_laps
    left join pit_stops
        on race_laps.race_id = pit_stops.race_id
        and race_laps.driver_id = pit_stops.driver_id
        and race_laps.lap_number = pit_stops.lap_number

),

-- A race stopped on the grid has no pit stops, but tyres may be changed: the long lap ends the stint.
ended as (

    select
        *,
        coalesce(
            stop_kind,
            case when is_red_flag and stop_kind_before is null then 'red flag' end
        ) as ended_by
    from marked

),

numbered as (

    select
        *,
        1 + cast(coalesce(sum(case when ended_by is not null then 1 else 0 end) over (
            partition by race_id, driver_id order by lap_number
            rows between unbounded preceding and 1 preceding
        ), 0) as integer) as stint_number
    from ended

),

stints as (

    select
        race_id,
        driver_id,
        stint_number,
        season,
        round,
        min(lap_number) as first_lap,
        max(lap_number) as last_lap,
        cast(count(*) as integer) as laps,
        max(ended_by) as ended_by
    from numbered
    group by race_id, driver_id, stint_number, season, round

),

green_laps as (

    select
        race_id,
        driver_id,
        stint_number,
        lap_number,
        lap_time_ms,
        row_number() over (partition by race_id, driver_id, stint_number order by lap_number) as green_lap_number
    from numbered
    where is_green

),

slopes as (

    select
        race_id,
        driver_id,
        stint_number,
        cast(count(*) as integer) as green_laps,
        {{ slope('lap_time_ms', 'lap_number') }} as slope_ms_per_lap
    from green_laps
    group by race_id, driver_id, stint_number

),

start_paces as (

    select
        race_id,
        driver_id,
        stint_number,
        {{ percentile_ms('lap_time_ms') }} as start_pace_ms
    from green_laps
    where green_lap_number <= {{ var('stint_start_laps') }}
    group by race_id, driver_id, stint_number
    having count(*) = {{ var('stint_start_laps') }}

),

final as (

    select
        stints.race_id,
        races.race_name,
        races.race_date,
        stints.driver_id,
        drivers.driver_name,
        stints.stint_number,
        stints.season,
        stints.round,
        stints.first_lap,
        stints.last_lap,
        stints.laps,
        stints.ended_by,
        coalesce(slopes.green_laps, 0) as green_laps,
        start_paces.start_pace_ms,
        case
            when slopes.green_laps >= {{ var('stint_slope_laps') }}
                then cast(round(cast(slopes.slope_ms_per_lap as decimal(20, 6)), 1) as decimal(9, 1))
        end as slope_ms_per_lap
    from stints
    left join slopes
        on stints.race_id = slopes.race_id
        and stints.driver_id = slopes.driver_id
        and stints.stint_number = slopes.stint_number
    left join start_paces
        on stints.race_id = start_paces.race_id
        and stints.driver_id = start_paces.driver_id
        and stints.stint_number = start_paces.stint_number
    left join drivers
        on stints.driver_id = drivers.driver_id
    left join races
        on stints.race_id = races.race_id

)

select * from final
