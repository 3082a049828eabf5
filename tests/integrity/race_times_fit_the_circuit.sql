{{ config(severity='warn') }}
-- Races whose winner took less than 60 % of the time of every other winner over as many laps at the circuit, within
-- ten seasons: cars and circuits change.
with

race_results as (

    select * from {{ ref('fct_race_results') }}
    where is_win and race_time_ms is not null

),

races as (

    select * from {{ ref('dim_races') }}

),

winners as (

    select
        races.race_id,
        races.race_name,
        races.season,
        races.circuit_id,
        max(race_results.laps_completed) as laps,
        min(race_results.race_time_ms) as race_time_ms
    from race_results
    inner join races
        on race_results.race_id = races.race_id
    group by races.race_id, races.race_name, races.season, races.circuit_id

)

select
    winners.race_id,
    winners.season,
    winners.race_name,
    winners.race_time_ms,
    min(other_winners.race_time_ms) as least_time_of_others_ms
from winners
inner join winners as other_winners
    on winners.circuit_id = other_winners.circuit_id
    and winners.laps = other_winners.laps
    and winners.race_id <> other_winners.race_id
    and abs(winners.season - other_winners.season) <= 10
group by winners.race_id, winners.season, winners.race_name, winners.race_time_ms
having winners.race_time_ms * 100 < min(other_winners.race_time_ms) * 60
