-- The gap between two drivers, race by race, in percent: in qualifying, in the last session in which both set a time, and
-- in race pace, the median of the green laps. Negative: the driver was faster.
with

-- The gaps that a driver closed from session to session give back the times of their earlier sessions.
session_times as (

    select
        race_id,
        driver_id,
        constructor_id,
        case when last_session = 'aggregate' then last_session_ms end as aggregate_ms,
        case when last_session = 'q3' then last_session_ms end as q3_ms,
        case
            when last_session = 'q3' then last_session_ms + gained_in_q3_ms
            when last_session = 'q2' then last_session_ms
        end as q2_ms,
        case
            when last_session = 'q3' then last_session_ms + gained_in_q3_ms + gained_in_q2_ms
            when last_session = 'q2' then last_session_ms + gained_in_q2_ms
            when last_session = 'q1' then last_session_ms
        end as q1_ms
    from marts.fct_qualifying_gaps
    where driver_id in (:driver, :rival)

),

paired as (

    select
        driver_times.race_id,
        driver_times.constructor_id = rival_times.constructor_id as is_same_team,
        case
            when driver_times.aggregate_ms is not null and rival_times.aggregate_ms is not null then 'aggregate'
            when driver_times.q3_ms is not null and rival_times.q3_ms is not null then 'q3'
            when driver_times.q2_ms is not null and rival_times.q2_ms is not null then 'q2'
            when driver_times.q1_ms is not null and rival_times.q1_ms is not null then 'q1'
        end as last_common_session,
        driver_times.aggregate_ms,
        driver_times.q3_ms,
        driver_times.q2_ms,
        driver_times.q1_ms,
        rival_times.aggregate_ms as rival_aggregate_ms,
        rival_times.q3_ms as rival_q3_ms,
        rival_times.q2_ms as rival_q2_ms,
        rival_times.q1_ms as rival_q1_ms
    from session_times as driver_times
    inner join session_times as rival_times
        on driver_times.race_id = rival_times.race_id
    where
        driver_times.driver_id = :driver
        and rival_times.driver_id = :rival

),

compared_times as (

    select
        race_id,
        is_same_team,
        case last_common_session
            when 'aggregate' then aggregate_ms
            when 'q3' then q3_ms
            when 'q2' then q2_ms
            when 'q1' then q1_ms
        end as driver_ms,
        case last_common_session
            when 'aggregate' then rival_aggregate_ms
            when 'q3' then rival_q3_ms
            when 'q2' then rival_q2_ms
            when 'q1' then rival_q1_ms
        end as rival_ms
    from paired
    where last_common_session is not null

),

teams as (

    select
        race_id,
        driver_id,
        constructor_id
    from marts.fct_race_results
    where
        driver_entry_number = 1
        and driver_id in (:driver, :rival)

),

gaps as (

    select
        'qualifying' as measure,
        race_id,
        is_same_team,
        100.0 * (driver_ms - rival_ms) / least(driver_ms, rival_ms) as gap_percent
    from compared_times

    union all

    select
        'race pace' as measure,
        driver_pace.race_id,
        driver_teams.constructor_id = rival_teams.constructor_id as is_same_team,
        driver_pace.median_pct_of_best - rival_pace.median_pct_of_best as gap_percent
    from marts.fct_race_pace as driver_pace
    inner join marts.fct_race_pace as rival_pace
        on driver_pace.race_id = rival_pace.race_id
    inner join teams as driver_teams
        on driver_pace.race_id = driver_teams.race_id
        and driver_pace.driver_id = driver_teams.driver_id
    inner join teams as rival_teams
        on rival_pace.race_id = rival_teams.race_id
        and rival_pace.driver_id = rival_teams.driver_id
    where
        driver_pace.driver_id = :driver
        and rival_pace.driver_id = :rival
        and driver_pace.is_representative
        and rival_pace.is_representative

),

chosen as (

    select * from gaps
    where is_same_team or :scope = 'all'

),

medians as (

    select
        measure,
        count(*) as races,
        percentile_cont(0.5) within group (order by gap_percent) as median_gap_percent
    from chosen
    group by measure

)

select
    chosen.measure,
    dim_races.season,
    dim_races.round,
    dim_races.race_name,
    dim_races.race_date,
    chosen.is_same_team,
    chosen.gap_percent,
    medians.median_gap_percent,
    cast(medians.races as integer) as races
from chosen
inner join medians
    on chosen.measure = medians.measure
inner join marts.dim_races
    on chosen.race_id = dim_races.race_id
order by chosen.measure, dim_races.season, dim_races.round
