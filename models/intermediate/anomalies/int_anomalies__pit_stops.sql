with

pit_stops as (

    select * from {{ ref('stg_ergast__pit_stops') }}

),

results as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'race' and driver_entry_number = 1

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

circuits as (

    select * from {{ ref('stg_ergast__circuits') }}

),

phantom_pit_stops as (

    select * from {{ ref('phantom_pit_stops') }}

),

stops_between_normal_laps as (

    select * from {{ ref('int_laps__stops_between_normal_laps') }}

),

season_pit_stops as (

    select
        pit_stops.*,
        races.season
    from pit_stops
    inner join races
        on pit_stops.race_id = races.race_id

),

stop_numbers as (

    select
        race_id,
        driver_id,
        season,
        count(*) as stops,
        max(stop_number) as last_stop_number
    from season_pit_stops
    group by race_id, driver_id, season
    having max(stop_number) <> count(*)

),

races_with_stops as (

    select distinct race_id from pit_stops

),

first_pit_stop_season as (

    select {{ first_season() }} as season from season_pit_stops

),

races_without_stops as (

    select distinct
        results.race_id,
        races.season
    from results
    inner join races
        on results.race_id = races.race_id
    inner join first_pit_stop_season
        on races.season >= first_pit_stop_season.season
    left join races_with_stops
        on results.race_id = races_with_stops.race_id
    where races_with_stops.race_id is null

),

phantom_stops as (

    select
        season_pit_stops.race_id,
        season_pit_stops.driver_id,
        season_pit_stops.stop_number,
        season_pit_stops.season,
        season_pit_stops.lap_number,
        phantom_pit_stops.reason
    from season_pit_stops
    inner join races
        on season_pit_stops.race_id = races.race_id
    inner join circuits
        on races.circuit_id = circuits.circuit_id
    inner join phantom_pit_stops
        on races.season = phantom_pit_stops.season
        and circuits.circuit_ref = phantom_pit_stops.circuit_ref
        and season_pit_stops.lap_number between phantom_pit_stops.first_lap and phantom_pit_stops.last_lap

),

stops_without_loss as (

    select
        season_pit_stops.race_id,
        season_pit_stops.driver_id,
        season_pit_stops.stop_number,
        season_pit_stops.season,
        season_pit_stops.lap_number,
        season_pit_stops.duration_text,
        stops_between_normal_laps.lost_to_usual_laps_ms
    from season_pit_stops
    inner join stops_between_normal_laps
        on season_pit_stops.race_id = stops_between_normal_laps.race_id
        and season_pit_stops.driver_id = stops_between_normal_laps.driver_id
        and season_pit_stops.stop_number = stops_between_normal_laps.stop_number

),

unioned as (

    select
        {{ anomaly(
            'pit_stop_above_ten_minutes', 'pit_stops', ['race_id', 'driver_id', 'stop_number'],
            seen='{duration_text}',
            expected='no pit stop: the race was stopped'
        ) }}
    from season_pit_stops
    where duration_ms > {{ var('red_flag_ms') }}

    union all

    select
        {{ anomaly(
            'pit_stop_between_normal_laps', 'pit_stops', ['race_id', 'driver_id', 'stop_number'],
            seen='{duration_text} in the pit lane on lap {lap_number}',
            expected='no pit stop: this lap and the next differ from two usual laps by {lost_to_usual_laps_ms} ms'
        ) }}
    from stops_without_loss

    union all

    select
        {{ anomaly(
            'phantom_pit_stop', 'pit_stops', ['race_id', 'driver_id', 'stop_number'],
            seen='stop on lap {lap_number}',
            expected='no pit stop. {reason}'
        ) }}
    from phantom_stops

    union all

    select
        {{ anomaly(
            'pit_stop_number_gap', 'pit_stops', ['race_id', 'driver_id'],
            seen='{stops} stops, the last has number {last_stop_number}',
            expected='numbers without gaps'
        ) }}
    from stop_numbers

    union all

    select
        {{ anomaly(
            'pit_stops_missing', 'pit_stops', ['race_id'],
            seen='no pit stops',
            expected='the stops of the race, if there were any'
        ) }}
    from races_without_stops

)

select * from unioned
