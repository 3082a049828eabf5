with

safety_cars as (

    select * from {{ ref('stg_racedata__safety_cars') }}

),

red_flags as (

    select * from {{ ref('stg_racedata__red_flags') }}

),

virtual_safety_cars as (

    select * from {{ ref('stg_racedata__virtual_safety_car_estimates') }}

),

fatal_accidents as (

    select * from {{ ref('stg_racedata__fatal_accidents_drivers') }}
    where session_name = 'Race'

),

race_names as (

    select * from {{ ref('int_races__names') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

unioned_flags as (

    select
        'safety_cars' as table_name,
        source_race,
        season,
        race_name,
        'deployed=' || cast(deployed_lap as {{ dbt.type_string() }}) as rest_of_key,
        retreated_lap - deployed_lap - 1 as full_laps,
        source_full_laps
    from safety_cars

    union all

    select
        'red_flags' as table_name,
        source_race,
        season,
        race_name,
        'lap=' || cast(lap_number as {{ dbt.type_string() }}) || ', incident=' || incident as rest_of_key,
        null as full_laps,
        null as source_full_laps
    from red_flags

    union all

    select
        'virtual_safety_car_estimates' as table_name,
        source_race,
        season,
        race_name,
        'lap=' || cast(lap_number as {{ dbt.type_string() }}) as rest_of_key,
        null as full_laps,
        null as source_full_laps
    from virtual_safety_cars

),

named_flags as (

    select
        unioned_flags.table_name,
        unioned_flags.source_race,
        unioned_flags.rest_of_key,
        unioned_flags.full_laps,
        unioned_flags.source_full_laps,
        race_names.race_id,
        race_names.season,
        race_names.is_alias,
        calendar_names.race_name as calendar_name
    from unioned_flags
    left join race_names
        on unioned_flags.season = race_names.season
        and unioned_flags.race_name = race_names.race_name
    left join race_names as calendar_names
        on race_names.race_id = calendar_names.race_id
        and not calendar_names.is_alias

),

wrong_days as (

    select
        'driver=' || fatal_accidents.driver_name as source_key,
        races.race_id,
        races.season,
        fatal_accidents.accident_date,
        races.race_date
    from fatal_accidents
    inner join race_names
        on fatal_accidents.season = race_names.season
        and fatal_accidents.race_name = race_names.race_name
    inner join races
        on race_names.race_id = races.race_id
    where fatal_accidents.accident_date <> races.race_date

),

unioned as (

    select
        'accident_date_differs' as anomaly_kind,
        'fatal_accidents_drivers' as source_table,
        source_key,
        race_id,
        season,
        cast(accident_date as {{ dbt.type_string() }}) as seen,
        cast(race_date as {{ dbt.type_string() }}) || ', the day of the race' as expected
    from wrong_days

    union all

    select
        'race_name_differs' as anomaly_kind,
        table_name as source_table,
        'race=' || source_race || ', ' || rest_of_key as source_key,
        race_id,
        season,
        source_race as seen,
        calendar_name as expected
    from named_flags
    where is_alias

    union all

    select
        'race_name_unknown' as anomaly_kind,
        table_name as source_table,
        'race=' || source_race || ', ' || rest_of_key as source_key,
        cast(null as integer) as race_id,
        cast(null as integer) as season,
        source_race as seen,
        'a race of the calendar' as expected
    from named_flags
    where race_id is null

    union all

    select
        'safety_car_laps_differ' as anomaly_kind,
        table_name as source_table,
        'race=' || source_race || ', ' || rest_of_key as source_key,
        race_id,
        season,
        cast(source_full_laps as {{ dbt.type_string() }}) || ' laps' as seen,
        cast(full_laps as {{ dbt.type_string() }}) || ' laps between deployment and retreat' as expected
    from named_flags
    where race_id is not null and full_laps <> source_full_laps

)

select * from unioned
