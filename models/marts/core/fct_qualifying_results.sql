{{ config(materialized='by_season') }}

with

qualifying as (

    select * from {{ ref('int_qualifying__positions') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

final as (

    select
        qualifying.qualifying_result_id,
        qualifying.race_id,
        races.race_name,
        races.race_date,
        races.season,
        races.round,
        qualifying.driver_id,
        drivers.driver_name,
        qualifying.constructor_id,
        constructors.constructor_name,
        qualifying.car_number,
        qualifying.qualifying_position,
        qualifying.source_qualifying_position,
        qualifying.qualifying_position_basis,
        qualifying.is_excluded_from_qualifying,
        qualifying.q1_ms,
        qualifying.q2_ms,
        qualifying.q3_ms,
        case
            when qualifying.q3_ms is not null then 'q3'
            when qualifying.q2_ms is not null then 'q2'
            when qualifying.q1_ms is not null then 'q1'
        end as last_timed_session,
        coalesce(qualifying.q3_ms, qualifying.q2_ms, qualifying.q1_ms) as last_time_ms,
        -- A NULL does not count against a time: `least` differs between engines there.
        nullif(
            least(
                coalesce(qualifying.q1_ms, 2147483647),
                coalesce(qualifying.q2_ms, 2147483647),
                coalesce(qualifying.q3_ms, 2147483647)
            ),
            2147483647
        ) as best_time_ms
    from qualifying
    inner join races
        on qualifying.race_id = races.race_id
    left join drivers
        on qualifying.driver_id = drivers.driver_id
    left join constructors
        on qualifying.constructor_id = constructors.constructor_id

)

select * from final
