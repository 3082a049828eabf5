with

drivers as (

    select * from {{ ref('stg_racedata__fatal_accidents_drivers') }}

),

marshals as (

    select * from {{ ref('stg_racedata__fatal_accidents_marshalls') }}

),

race_names as (

    select * from {{ ref('int_races__names') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

all_drivers as (

    select * from {{ ref('dim_drivers') }}

),

people as (

    select
        driver_name as person_name,
        'driver' as person_role,
        accident_date as source_accident_date,
        age_at_death,
        source_event,
        season,
        race_name,
        car_make,
        session_name
    from drivers

    union all

    select
        marshal_name as person_name,
        'marshal' as person_role,
        accident_date as source_accident_date,
        age_at_death,
        source_event,
        season,
        race_name,
        cast(null as {{ dbt.type_string() }}) as car_make,
        cast(null as {{ dbt.type_string() }}) as session_name
    from marshals

),

-- A name that several drivers have says nothing.
names_of_one_driver as (

    select
        driver_name,
        max(driver_id) as driver_id
    from all_drivers
    group by driver_name
    having count(*) = 1

),

final as (

    select
        people.person_name,
        -- A race is driven on its day.
        case
            when people.session_name = 'Race' then coalesce(races.race_date, people.source_accident_date)
            else people.source_accident_date
        end as accident_date,
        people.source_accident_date,
        people.person_role,
        people.age_at_death,
        people.source_event,
        races.race_id,
        races.race_name,
        races.race_date,
        names_of_one_driver.driver_id,
        names_of_one_driver.driver_name,
        people.car_make,
        people.session_name
    from people
    left join race_names
        on people.season = race_names.season
        and people.race_name = race_names.race_name
    left join races
        on race_names.race_id = races.race_id
    left join names_of_one_driver
        on people.person_name = names_of_one_driver.driver_name
        and people.person_role = 'driver'

)

select * from final
