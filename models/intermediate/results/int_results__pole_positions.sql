with

outcomes as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'race'

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

exceptions as (

    select * from {{ ref('pole_position_exceptions') }}

),

exceptional_poles as (

    select
        outcomes.race_id,
        outcomes.result_id
    from exceptions
    inner join races
        on exceptions.season = races.season
        and exceptions.round = races.round
    inner join drivers
        on exceptions.driver_ref = drivers.driver_ref
    inner join outcomes
        on races.race_id = outcomes.race_id
        and drivers.driver_id = outcomes.driver_id
        and exceptions.car_number = outcomes.car_number

),

regular_poles as (

    select
        outcomes.race_id,
        outcomes.result_id
    from outcomes
    left join exceptional_poles
        on outcomes.race_id = exceptional_poles.race_id
    where
        outcomes.grid_position = 1
        and exceptional_poles.race_id is null

),

final as (

    select * from exceptional_poles

    union all

    select * from regular_poles

)

select * from final
