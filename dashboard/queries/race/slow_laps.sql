-- Laps on which the whole field is slow, as behind a safety car or in rain, and laps under a red flag.
select
    lap_number,
    bool_or(is_red_flag) as is_red_flag
from marts.fct_race_laps
where race_id = :race
group by lap_number
having bool_or(is_field_slow) or bool_or(is_red_flag)
order by lap_number
