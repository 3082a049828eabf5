select
    championship_position,
    constructor_name as competitor,
    wins,
    points_gross,
    points_dropped,
    points_adjustment,
    points_counted,
    gap_to_leader,
    is_excluded,
    is_reconciled,
    exception_reason
from marts.fct_constructor_championship
where season = :season and is_latest_of_season
order by championship_position
