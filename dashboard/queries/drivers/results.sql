-- Every race of a driver. Of several cars in one race, the best result.
select
    season,
    round,
    race_name,
    race_date,
    constructor_id,
    constructor_name,
    grid,
    finishing_position,
    position_text,
    case
        when is_win then 'win'
        when is_podium then 'podium'
        when points > 0 then 'points'
        when is_classified then 'classified'
        when is_disqualified then 'disqualified'
        when is_started then 'out'
        else 'did not start'
    end as outcome,
    coalesce(reason_out, status) as status,
    points
from marts.fct_race_results
where
    driver_id = :driver
    and driver_entry_number = 1
order by season, round
