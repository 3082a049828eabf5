-- Where does a pit stop cost the most time, among circuits with three or more seasons since 2014?
--
-- | circuit_name | seasons | median_time_lost_ms |
-- |---|---|---|
-- | Autodromo Enzo e Dino Ferrari | 3 | 29419 |
-- | Losail International Circuit | 3 | 29261 |
-- | Marina Bay Street Circuit | 7 | 28263 |
-- | Sochi Autodrom | 8 | 26373 |
-- | Autodromo Nazionale di Monza | 10 | 25793 |
with

pit_losses as (

    select * from {{ ref('circuit_pit_losses') }}

),

circuits as (

    select * from {{ ref('dim_circuits') }}

),

circuit_losses as (

    select
        circuits.circuit_name,
        count(*) as seasons,
        cast(round(percentile_cont(0.5) within group (order by pit_losses.median_time_lost_ms)) as integer)
            as median_time_lost_ms
    from pit_losses
    inner join circuits
        on pit_losses.circuit_id = circuits.circuit_id
    where
        pit_losses.season >= 2014
        and pit_losses.median_time_lost_ms is not null
    group by circuits.circuit_name
    having count(*) >= 3

)

select * from circuit_losses
order by median_time_lost_ms desc
limit 5
