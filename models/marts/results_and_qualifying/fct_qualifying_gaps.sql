{{ config(materialized=by_season()) }}

with

lap_times as (

    select * from {{ ref('int_qualifying__lap_times') }}

),

fastest as (

    select
        race_id,
        min(q1_ms) as q1_ms,
        min(q2_ms) as q2_ms,
        min(q3_ms) as q3_ms,
        min(aggregate_ms) as aggregate_ms
    from lap_times
    group by race_id

),

-- The last session in which anybody has a time decided pole; in 2015 a storm kept all from the third.
compared as (

    select
        lap_times.*,
        case
            when lap_times.aggregate_ms is not null then 'aggregate'
            when lap_times.q3_ms is not null then 'q3'
            when lap_times.q2_ms is not null then 'q2'
            when lap_times.q1_ms is not null then 'q1'
        end as last_session,
        coalesce(
            lap_times.aggregate_ms, lap_times.q3_ms, lap_times.q2_ms, lap_times.q1_ms
        ) as last_session_ms,
        case
            when lap_times.aggregate_ms is not null then fastest.aggregate_ms
            when lap_times.q3_ms is not null then fastest.q3_ms
            when lap_times.q2_ms is not null then fastest.q2_ms
            else fastest.q1_ms
        end as fastest_of_session_ms,
        coalesce(fastest.aggregate_ms, fastest.q3_ms, fastest.q2_ms, fastest.q1_ms) as deciding_ms
    from lap_times
    inner join fastest
        on lap_times.race_id = fastest.race_id

),

-- A single time cannot be compared with the sum of two.
comparable as (

    select
        *,
        qualifying_format <> 'aggregate' or aggregate_ms is not null as is_comparable_with_pole
    from compared

),

final as (

    select
        qualifying_result_id,
        race_id,
        season,
        round,
        driver_id,
        constructor_id,
        qualifying_position,
        qualifying_format,
        last_session,
        last_session_ms,
        last_session_ms - fastest_of_session_ms as gap_in_session_ms,
        {{ percent('last_session_ms - fastest_of_session_ms', 'fastest_of_session_ms', 'decimal(8, 3)') }}
            as gap_in_session_percent,
        deciding_ms,
        case when is_comparable_with_pole then last_session_ms - deciding_ms end as gap_to_pole_ms,
        case
            when is_comparable_with_pole
                then {{ percent('last_session_ms - deciding_ms', 'deciding_ms', 'decimal(8, 3)') }}
        end as gap_to_pole_percent,
        case when qualifying_format = 'knockout' then q1_ms - q2_ms end as gained_in_q2_ms,
        case when qualifying_format = 'knockout' then q2_ms - q3_ms end as gained_in_q3_ms
    from comparable

)

select * from final
