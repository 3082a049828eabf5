with

qualifying as (

    select * from {{ ref('int_qualifying__positions') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

outcomes as (

    select * from {{ ref('int_results__outcomes') }}
    where session_type = 'race' and driver_entry_number = 1

),

sessions as (

    select
        qualifying.qualifying_result_id,
        qualifying.race_id,
        races.season,
        races.round,
        qualifying.driver_id,
        -- Ten rows of 2015 name a constructor that was not there; the race results name the right one.
        coalesce(outcomes.constructor_id, qualifying.constructor_id) as constructor_id,
        qualifying.qualifying_position,
        qualifying.is_excluded_from_qualifying,
        case
            when races.season >= {{ var('first_knockout_season') }} then 'knockout'
            when count(qualifying.q2_ms) over (partition by qualifying.race_id) > 0 then 'aggregate'
            else 'single'
        end as qualifying_format,
        qualifying.q1_ms,
        qualifying.q2_ms,
        qualifying.q3_ms
    from qualifying
    inner join races
        on qualifying.race_id = races.race_id
    left join outcomes
        on qualifying.race_id = outcomes.race_id
        and qualifying.driver_id = outcomes.driver_id

),

-- The times of an excluded driver were deleted.
valid_times as (

    select
        qualifying_result_id,
        race_id,
        season,
        round,
        driver_id,
        constructor_id,
        qualifying_position,
        qualifying_format,
        case when not is_excluded_from_qualifying then q1_ms end as q1_ms,
        case when not is_excluded_from_qualifying then q2_ms end as q2_ms,
        case when not is_excluded_from_qualifying then q3_ms end as q3_ms
    from sessions

),

best_times as (

    select
        *,
        min(q1_ms) over (partition by race_id) as best_q1_ms,
        min(q2_ms) over (partition by race_id) as best_q2_ms,
        min(q3_ms) over (partition by race_id) as best_q3_ms
    from valid_times

),

-- A lap far off the pace was given up, or is a slip of the source: no lap to compare.
at_speed as (

    select
        qualifying_result_id,
        race_id,
        season,
        round,
        driver_id,
        constructor_id,
        qualifying_position,
        qualifying_format,
        case when q1_ms <= best_q1_ms * {{ var('slowest_qualifying_percent') | int / 100 }} then q1_ms end as q1_ms,
        case when q2_ms <= best_q2_ms * {{ var('slowest_qualifying_percent') | int / 100 }} then q2_ms end as q2_ms,
        case when q3_ms <= best_q3_ms * {{ var('slowest_qualifying_percent') | int / 100 }} then q3_ms end as q3_ms
    from best_times

),

final as (

    select
        *,
        case when qualifying_format = 'aggregate' then q1_ms + q2_ms end as aggregate_ms
    from at_speed

)

select * from final
