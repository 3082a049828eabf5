-- Laps under a red flag, behind a safety car or under a virtual one, as the record says, and the other laps on which the
-- whole field is slow, as in rain.
select
    lap_number,
    case
        when bool_or(is_red_flag) then 'red flag'
        when bool_or(is_safety_car) then 'safety car'
        when bool_or(is_virtual_safety_car) then 'virtual safety car'
        else 'slow'
    end as kind
from marts.fct_race_laps
where race_id = :race
group by lap_number
having bool_or(is_field_slow or is_safety_car or is_virtual_safety_car or is_red_flag)
order by lap_number
