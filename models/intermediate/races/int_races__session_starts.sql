{%- set sessions = ['practice_1', 'practice_2', 'practice_3', 'qualifying', 'sprint', 'race'] -%}

with

races as (

    select * from {{ ref('stg_ergast__races') }}

),

circuits as (

    select * from {{ ref('stg_ergast__circuits') }}

),

exceptions as (

    select * from {{ ref('start_time_exceptions') }}

),

race_problems as (

    select
        season,
        circuit_ref,
        {% for session in sessions %}
        max(case when session_name = '{{ session }}' then problem end) as {{ session }}_problem,
        max(case when session_name = '{{ session }}' then starts_at end) as right_{{ session }}_starts_at
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from exceptions
    group by
        season,
        circuit_ref

),

-- The time zone of the circuit is not known, so a local time cannot be converted to UTC: NULL.
corrected as (

    select
        races.race_id,
        {% for session in sessions %}
        case
            when race_problems.{{ session }}_problem = 'local time' then null
            when race_problems.{{ session }}_problem = 'day early' then races.{{ session }}_starts_at + interval '1' day
            when race_problems.{{ session }}_problem in ('moved', 'wrong hour')
                then race_problems.right_{{ session }}_starts_at
            else races.{{ session }}_starts_at
        end as {{ session }}_starts_at
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from races
    inner join circuits
        on races.circuit_id = circuits.circuit_id
    left join race_problems
        on races.season = race_problems.season
        and circuits.circuit_ref = race_problems.circuit_ref

)

select * from corrected
