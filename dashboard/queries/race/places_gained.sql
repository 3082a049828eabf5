select
    driver_name,
    constructor_id,
    constructor_name,
    start_position,
    finishing_position,
    places_gained,
    expected_places_gained,
    places_above_expected,
    cars_at_circuit,
    cars_in_era
from marts.fct_places_gained
where race_id = :race and places_gained is not null
order by places_gained desc, finishing_position asc
