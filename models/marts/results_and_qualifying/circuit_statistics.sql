with

circuits as (

    select * from {{ ref('dim_circuits') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where is_held

),

race_results as (

    select * from {{ ref('fct_race_results') }}

),

laps as (

    select * from {{ ref('int_laps__by_driver') }}
    where best_lap_ms is not null

),

cars as (

    select * from {{ ref('int_results__cars') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

race_facts as (

    select
        races.circuit_id,
        cast(count(*) as integer) as races,
        min(races.season) as first_season,
        max(races.season) as last_season
    from races
    group by races.circuit_id

),

result_facts as (

    select
        races.circuit_id,
        count(distinct race_results.race_id) filter (where race_results.is_pole) as poles,
        count(distinct race_results.race_id) filter (where race_results.is_pole and race_results.is_win) as pole_wins,
        cast(count(distinct race_results.driver_id) filter (where race_results.is_win) as integer) as different_winners
    from race_results
    inner join races
        on race_results.race_id = races.race_id
    group by races.circuit_id

),

car_facts as (

    select
        races.circuit_id,
        count(*) as cars_started,
        count(*) filter (where not cars.is_finished) as retirements,
        count(cars.finishing_position) filter (where cars.is_full_race) as cars_compared,
        sum(abs(cars.start_position - cars.finishing_position)) filter (where cars.is_full_race) as places_changed
    from cars
    inner join races
        on cars.race_id = races.race_id
    group by races.circuit_id

),

driver_records as (

    select
        races.circuit_id,
        race_results.driver_id,
        cast(count(distinct race_results.race_id) filter (where race_results.is_win) as integer) as wins,
        row_number() over (
            partition by races.circuit_id
            order by
                count(distinct race_results.race_id) filter (where race_results.is_win) desc,
                count(distinct race_results.race_id) filter (where race_results.is_podium) desc,
                min(race_results.season * 100 + race_results.round) filter (where race_results.is_win) asc,
                race_results.driver_id asc
        ) as success_rank
    from race_results
    inner join races
        on race_results.race_id = races.race_id
    where race_results.is_podium
    group by
        races.circuit_id,
        race_results.driver_id

),

-- The laps end with 2024, the fastest laps of the results begin in 2004.
best_laps as (

    select
        race_id,
        driver_id,
        best_lap_ms as lap_time_ms
    from laps

    union all

    select
        race_id,
        driver_id,
        fastest_lap_time_ms as lap_time_ms
    from race_results
    where fastest_lap_time_ms is not null

),

lap_records as (

    select
        races.circuit_id,
        best_laps.driver_id,
        best_laps.lap_time_ms,
        races.season,
        row_number() over (
            partition by races.circuit_id
            order by best_laps.lap_time_ms, races.season, races.round, best_laps.driver_id
        ) as lap_rank
    from best_laps
    inner join races
        on best_laps.race_id = races.race_id

),

final as (

    select
        circuits.circuit_id,
        circuits.circuit_name,
        coalesce(race_facts.races, 0) as races,
        race_facts.first_season,
        race_facts.last_season,
        lap_records.lap_time_ms as lap_record_ms,
        lap_records.driver_id as lap_record_driver_id,
        record_drivers.driver_name as lap_record_driver_name,
        lap_records.season as lap_record_season,
        {{ ratio('car_facts.places_changed', 'car_facts.cars_compared', 'decimal(8, 3)') }} as mean_places_changed,
        {{ ratio('car_facts.retirements', 'car_facts.cars_started', 'decimal(8, 4)') }} as attrition_rate,
        {{ ratio('result_facts.pole_wins', 'result_facts.poles', 'decimal(8, 4)') }} as pole_to_win_rate,
        coalesce(result_facts.different_winners, 0) as different_winners,
        driver_records.driver_id as most_successful_driver_id,
        successful_drivers.driver_name as most_successful_driver_name,
        coalesce(driver_records.wins, 0) as most_successful_driver_wins
    from circuits
    left join race_facts
        on circuits.circuit_id = race_facts.circuit_id
    left join result_facts
        on circuits.circuit_id = result_facts.circuit_id
    left join car_facts
        on circuits.circuit_id = car_facts.circuit_id
    left join lap_records
        on circuits.circuit_id = lap_records.circuit_id
        and lap_records.lap_rank = 1
    left join driver_records
        on circuits.circuit_id = driver_records.circuit_id
        and driver_records.success_rank = 1
        and driver_records.wins > 0
    left join drivers as record_drivers
        on lap_records.driver_id = record_drivers.driver_id
    left join drivers as successful_drivers
        on driver_records.driver_id = successful_drivers.driver_id

)

select * from final
