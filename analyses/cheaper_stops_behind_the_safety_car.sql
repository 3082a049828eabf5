-- How much cheaper is a pit stop behind the safety car, at circuits with twenty or more such stops since 2011?
--
-- | place | circuit_name | safety_car_stops | usual_ms | safety_car_ms | saved_ms |
-- |---|---|---|---|---|---|
-- | 1 | Autodromo Nazionale di Monza | 26 | 25302 | 5961 | 19341 |
-- | 2 | Jeddah Corniche Circuit | 29 | 22604 | 10296 | 12308 |
-- | 3 | Marina Bay Street Circuit | 57 | 28178 | 17614 | 10564 |
-- | 4 | Silverstone Circuit | 41 | 19345 | 12091 | 7254 |
-- | 5 | Hockenheimring | 22 | 18984 | 12801 | 6183 |
-- | 6 | Circuit Gilles Villeneuve | 36 | 18942 | 13234 | 5708 |
with

pit_stops as (

    select * from {{ ref('fct_pit_stop_costs') }}

),

circuit_stops as (

    select
        circuit_name,
        count(case when is_under_safety_car then 1 end) as safety_car_stops,
        cast(round(percentile_cont(0.5) within group (
            order by case when not (is_field_slow or is_under_safety_car) then lost_to_neighbours_ms end
        )) as integer) as usual_ms,
        cast(round(percentile_cont(0.5) within group (
            order by case when is_under_safety_car then lost_to_neighbours_ms end
        )) as integer) as safety_car_ms
    from pit_stops
    group by circuit_name
    having count(case when is_under_safety_car then 1 end) >= 20

),

ranked as (

    select
        rank() over (order by usual_ms - safety_car_ms desc) as place,
        circuit_name,
        safety_car_stops,
        usual_ms,
        safety_car_ms,
        usual_ms - safety_car_ms as saved_ms
    from circuit_stops

)

select * from ranked
order by place asc, circuit_name asc
