-- Where does a pit stop cost the most time, among circuits with three or more seasons since 2014?
--
-- | place | circuit_name | seasons | median_time_lost_ms |
-- |---|---|---|---|
-- | 1 | Autodromo Enzo e Dino Ferrari | 3 | 29041 |
-- | 2 | Losail International Circuit | 3 | 28042 |
-- | 3 | Marina Bay Street Circuit | 6 | 27884 |
-- | 4 | Sochi Autodrom | 8 | 26248 |
-- | 5 | Autodromo Nazionale di Monza | 10 | 25566 |
with

pit_losses as (

    select * from {{ ref('circuit_pit_losses') }}
    where season >= 2014 and median_time_lost_ms is not null

),

circuit_losses as (

    select
        circuit_name,
        count(*) as seasons,
        cast(round(percentile_cont(0.5) within group (order by median_time_lost_ms)) as integer)
            as median_time_lost_ms
    from pit_losses
    group by circuit_name
    having count(*) >= 3

),

ranked as (

    select
        rank() over (order by median_time_lost_ms desc) as place,
        circuit_name,
        seasons,
        median_time_lost_ms
    from circuit_losses

)

select * from ranked
where place <= 5
order by place asc, circuit_name asc
