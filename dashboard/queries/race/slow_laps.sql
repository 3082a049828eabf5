-- Laps behind a safety car or under a virtual one, laps on which the whole field is slow, as in rain, and laps under a
-- red flag.
select
    lap_number,
    bool_or(is_red_flag) as is_red_flag
from marts.fct_race_laps
where race_id = :race
group by lap_number
having bool_or(is_field_slow or is_safety_car or is_virtual_safety_car or is_red_flag)
order by lap_number
