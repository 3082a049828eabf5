with

races as (

    select * from {{ ref('stg_ergast__races') }}

),

circuits as (

    select * from {{ ref('stg_ergast__circuits') }}

),

start_time_exceptions as (

    select * from {{ ref('start_time_exceptions') }}

),

wrong_start_times as (

    select
        races.race_id,
        races.season,
        start_time_exceptions.session_name,
        start_time_exceptions.problem,
        start_time_exceptions.reason
    from start_time_exceptions
    inner join races
        on start_time_exceptions.season = races.season
    inner join circuits
        on races.circuit_id = circuits.circuit_id
        and start_time_exceptions.circuit_ref = circuits.circuit_ref

),

unioned as (

    select
        {{ anomaly(
            'start_time_wrong', 'races', ['race_id', 'session_name'],
            seen='{problem}',
            expected='{reason}'
        ) }}
    from wrong_start_times

)

select * from unioned
