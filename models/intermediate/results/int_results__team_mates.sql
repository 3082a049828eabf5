{{ config(materialized='by_season') }}

with

outcomes as (

    select * from {{ ref('int_results__outcomes') }}

),

qualifying as (

    select * from {{ ref('int_qualifying__lap_times') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

-- A driver may have had several cars of a constructor in a race: only their best result counts.
race_entries as (

    select
        race_id,
        constructor_id,
        driver_id,
        bool_or(is_started) as is_started,
        min(finishing_position) as finishing_position,
        sum(points) as points
    from outcomes
    where session_type = 'race'
    group by
        race_id,
        constructor_id,
        driver_id

),

sprint_entries as (

    select
        race_id,
        constructor_id,
        driver_id,
        sum(points) as points
    from outcomes
    where session_type = 'sprint'
    group by
        race_id,
        constructor_id,
        driver_id

),

-- A driver who fell ill or was hurt after qualifying has no race result.
entries as (

    select
        race_id,
        constructor_id,
        driver_id
    from race_entries

    union distinct

    select
        race_id,
        constructor_id,
        driver_id
    from qualifying

),

weekends as (

    select
        entries.race_id,
        races.season,
        entries.constructor_id,
        entries.driver_id,
        coalesce(race_entries.is_started, false) as is_started,
        race_entries.finishing_position,
        coalesce(race_entries.points, 0) + coalesce(sprint_entries.points, 0) as points,
        qualifying.qualifying_position,
        qualifying.q1_ms,
        qualifying.q2_ms,
        qualifying.q3_ms,
        qualifying.aggregate_ms
    from entries
    inner join races
        on entries.race_id = races.race_id
    left join race_entries
        on entries.race_id = race_entries.race_id
        and entries.constructor_id = race_entries.constructor_id
        and entries.driver_id = race_entries.driver_id
    left join sprint_entries
        on entries.race_id = sprint_entries.race_id
        and entries.constructor_id = sprint_entries.constructor_id
        and entries.driver_id = sprint_entries.driver_id
    left join qualifying
        on entries.race_id = qualifying.race_id
        and entries.constructor_id = qualifying.constructor_id
        and entries.driver_id = qualifying.driver_id

),

-- The times of the last session in which both have one.
paired as (

    select
        drivers.race_id,
        drivers.season,
        drivers.constructor_id,
        drivers.driver_id,
        mates.driver_id as team_mate_driver_id,
        drivers.is_started and mates.is_started as is_race_together,
        drivers.finishing_position,
        mates.finishing_position as team_mate_finishing_position,
        drivers.points,
        mates.points as team_mate_points,
        drivers.qualifying_position,
        mates.qualifying_position as team_mate_qualifying_position,
        case
            when drivers.aggregate_ms is not null and mates.aggregate_ms is not null then drivers.aggregate_ms
            when drivers.q3_ms is not null and mates.q3_ms is not null then drivers.q3_ms
            when drivers.q2_ms is not null and mates.q2_ms is not null then drivers.q2_ms
            when mates.q1_ms is not null then drivers.q1_ms
        end as compared_ms,
        case
            when drivers.aggregate_ms is not null and mates.aggregate_ms is not null then mates.aggregate_ms
            when drivers.q3_ms is not null and mates.q3_ms is not null then mates.q3_ms
            when drivers.q2_ms is not null and mates.q2_ms is not null then mates.q2_ms
            when drivers.q1_ms is not null then mates.q1_ms
        end as team_mate_compared_ms
    from weekends as drivers
    inner join weekends as mates
        on drivers.race_id = mates.race_id
        and drivers.constructor_id = mates.constructor_id
        and drivers.driver_id <> mates.driver_id
    where
        (drivers.is_started and mates.is_started)
        or (drivers.qualifying_position is not null and mates.qualifying_position is not null)

),

compared as (

    select
        race_id,
        season,
        constructor_id,
        driver_id,
        team_mate_driver_id,
        is_race_together,
        -- Classified drivers are ahead of the others. Of two who are not, or who shared a car, neither is ahead.
        is_race_together
        and coalesce(
            finishing_position < team_mate_finishing_position, finishing_position is not null
        ) as is_ahead_in_race,
        is_race_together
        and coalesce(
            team_mate_finishing_position < finishing_position, team_mate_finishing_position is not null
        ) as is_behind_in_race,
        coalesce(qualifying_position < team_mate_qualifying_position, false) as is_ahead_in_qualifying,
        coalesce(qualifying_position > team_mate_qualifying_position, false) as is_behind_in_qualifying,
        cast(case when is_race_together then points else 0 end as decimal(8, 2)) as points,
        cast(case when is_race_together then team_mate_points else 0 end as decimal(8, 2)) as team_mate_points,
        -- Relative to the faster of the two, so that the team mate has the same gap with the other sign.
        {{ percent(
            'compared_ms - team_mate_compared_ms', 'least(compared_ms, team_mate_compared_ms)', 'decimal(12, 6)'
        ) }} as qualifying_gap_percent
    from paired

),

final as (

    select
        *,
        abs(qualifying_gap_percent) <= {{ var('team_mate_gap_percent') }} as is_qualifying_gap_usual
    from compared

)

select * from final
