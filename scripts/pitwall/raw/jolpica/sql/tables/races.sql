-- Before 2021 the dump's dates of practice and qualifying are not records: they are counted back from the race. Ergast
-- has none there either. Ergast calls the qualifying of a sprint the second practice, if the weekend has no other.
with

weekends as (

    select
        sessions.round_id,
        max(case when sessions.type = 'R' then sessions.session_time end) as time,
        max(case when sessions.type = 'FP1' then sessions.session_date end) as fp1_date,
        max(case when sessions.type = 'FP1' then sessions.session_time end) as fp1_time,
        coalesce(
            max(case when sessions.type = 'FP2' then sessions.session_date end),
            min(case when sessions.type like 'SQ_' then sessions.session_date end)
        ) as fp2_date,
        coalesce(
            max(case when sessions.type = 'FP2' then sessions.session_time end),
            min(case when sessions.type like 'SQ_' then sessions.session_time end)
        ) as fp2_time,
        max(case when sessions.type = 'FP3' then sessions.session_date end) as fp3_date,
        max(case when sessions.type = 'FP3' then sessions.session_time end) as fp3_time,
        min(case when sessions.type in ('Q1', 'QB', 'QA') then sessions.session_date end) as quali_date,
        min(case when sessions.type in ('Q1', 'QB', 'QA') then sessions.session_time end) as quali_time,
        max(case when sessions.type = 'SR' then sessions.session_date end) as sprint_date,
        max(case when sessions.type = 'SR' then sessions.session_time end) as sprint_time
    from sessions
    group by sessions.round_id

),

recorded as (

    select
        rounds.id as round_id,
        rounds.year >= '2021' as is_weekend_recorded
    from rounds

)

select
    race_ids.race_id,
    rounds.year,
    rounds.number as round,
    coalesce(cast(circuit_ids.circuit_id as varchar), 'no circuit ' || rounds.circuit_id) as circuit_id,
    rounds.name,
    rounds.date,
    weekends.time,
    rounds.wikipedia as url,
    case when recorded.is_weekend_recorded then weekends.fp1_date end as fp1_date,
    case when recorded.is_weekend_recorded then weekends.fp1_time end as fp1_time,
    case when recorded.is_weekend_recorded then weekends.fp2_date end as fp2_date,
    case when recorded.is_weekend_recorded then weekends.fp2_time end as fp2_time,
    case when recorded.is_weekend_recorded then weekends.fp3_date end as fp3_date,
    case when recorded.is_weekend_recorded then weekends.fp3_time end as fp3_time,
    case when recorded.is_weekend_recorded then weekends.quali_date end as quali_date,
    case when recorded.is_weekend_recorded then weekends.quali_time end as quali_time,
    case when recorded.is_weekend_recorded then weekends.sprint_date end as sprint_date,
    case when recorded.is_weekend_recorded then weekends.sprint_time end as sprint_time
from rounds
inner join recorded
    on rounds.id = recorded.round_id
inner join race_ids
    on rounds.id = race_ids.dump_id
left join circuit_ids
    on rounds.circuit_id = circuit_ids.dump_id
left join weekends
    on rounds.id = weekends.round_id
where coalesce(rounds.is_cancelled, 'f') = 'f'
order by race_ids.race_id
