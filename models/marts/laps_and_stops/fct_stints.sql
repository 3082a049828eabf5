{{ config(materialized='by_season', meta={'seasons_in_block': var('seasons_in_block'), 'key_has_index': false}) }}

with

race_laps as (

    select * from {{ ref('fct_race_laps') }}
    where is_in_lap is not null and {{ in_changed_seasons() }}

),

pit_stops as (

    select * from {{ ref('int_laps__pit_stop_kinds') }}
    where stop_kind in ('stop', 'red flag') and {{ in_changed_seasons() }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

stops as (

    select
        race_id,
        driver_id,
        lap_number,
        max(stop_kind) as stop_kind
    from pit_stops
    group by race_id, driver_id, lap_number

),

red_flag_laps as (

    select
        race_id,
        driver_id,
        lap_number
    from race_laps
    where is_red_flag

),

red_flags as (

    select
        red_flag_laps.race_id,
        red_flag_laps.driver_id,
        red_flag_laps.lap_number,
        max(race_laps.lap_number) as lap_before
    from red_flag_laps
    left join race_laps
        on red_flag_laps.race_id = race_laps.race_id
        and red_flag_laps.driver_id = race_laps.driver_id
        and red_flag_laps.lap_number > race_laps.lap_number
    group by red_flag_laps.race_id, red_flag_laps.driver_id, red_flag_laps.lap_number

),

-- The last lap of each stint but a driver's last. There are few, so that no window runs over all laps.
-- A race stopped on the grid has no pit stops, but tyres may be changed: the long lap ends the stint.
ends as (

    select
        stops.race_id,
        stops.driver_id,
        stops.lap_number,
        stops.stop_kind as ended_by
    from stops
    inner join race_laps
        on stops.race_id = race_laps.race_id
        and stops.driver_id = race_laps.driver_id
        and stops.lap_number = race_laps.lap_number

    union all

    select
        red_flags.race_id,
        red_flags.driver_id,
        red_flags.lap_number,
        'red flag' as ended_by
    from red_flags
    left join stops
        on red_flags.race_id = stops.race_id
        and red_flags.driver_id = stops.driver_id
        and stops.lap_number in (red_flags.lap_number, red_flags.lap_before)
    where stops.race_id is null

),

ended as (

    select
        *,
        coalesce(lag(lap_number) over (partition by race_id, driver_id order by lap_number), 0) as ended_before
    from ends

),

-- A lap after the last end matches none: its `end_lap` is NULL.
laps_of_stints as (

    select
        race_laps.race_id,
        race_laps.driver_id,
        race_laps.lap_number,
        ended.lap_number as end_lap,
        case when race_laps.is_green then race_laps.lap_number end as green_lap,
        case when race_laps.is_green then race_laps.lap_time_ms end as green_ms
    from race_laps
    left join ended
        on race_laps.race_id = ended.race_id
        and race_laps.driver_id = ended.driver_id
        and race_laps.lap_number > ended.ended_before
        and race_laps.lap_number <= ended.lap_number

),

totals as (

    select
        race_id,
        driver_id,
        end_lap,
        min(lap_number) as first_lap,
        max(lap_number) as last_lap,
        cast(count(*) as integer) as laps,
        cast(count(green_lap) as integer) as green_laps,
        {{ slope('green_ms', 'green_lap') }} as slope_ms_per_lap
    from laps_of_stints
    group by race_id, driver_id, end_lap

),

stints as (

    select
        totals.race_id,
        totals.driver_id,
        totals.end_lap,
        totals.first_lap,
        totals.last_lap,
        totals.laps,
        totals.green_laps,
        case
            when totals.green_laps >= {{ var('stint_slope_laps') }}
                then cast(round(cast(totals.slope_ms_per_lap as decimal(20, 6)), 1) as decimal(9, 1))
        end as slope_ms_per_lap,
        ended.ended_by,
        cast(
            row_number() over (partition by totals.race_id, totals.driver_id order by totals.first_lap) as integer
        ) as stint_number
    from totals
    left join ended
        on totals.race_id = ended.race_id
        and totals.driver_id = ended.driver_id
        and totals.end_lap = ended.lap_number

),

first_green_laps as (

    select
        race_id,
        driver_id,
        end_lap,
        green_ms,
        row_number() over (partition by race_id, driver_id, end_lap order by green_lap) as green_lap_number
    from laps_of_stints
    where green_lap is not null

),

start_paces as (

    select
        race_id,
        driver_id,
        coalesce(end_lap, 0) as end_lap,
        {{ percentile_ms('green_ms') }} as start_pace_ms
    from first_green_laps
    where green_lap_number <= {{ var('stint_start_laps') }}
    group by race_id, driver_id, end_lap
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
        races.season,
        races.round,
        stints.first_lap,
        stints.last_lap,
        stints.laps,
        stints.ended_by,
        stints.green_laps,
        start_paces.start_pace_ms,
        stints.slope_ms_per_lap,
        abs(stints.slope_ms_per_lap) > {{ var('stint_slope_ms') }} as is_slope_unusual
    from stints
    left join start_paces
        on stints.race_id = start_paces.race_id
        and stints.driver_id = start_paces.driver_id
        and coalesce(stints.end_lap, 0) = start_paces.end_lap
    left join drivers
        on stints.driver_id = drivers.driver_id
    left join races
        on stints.race_id = races.race_id

)

select * from final
