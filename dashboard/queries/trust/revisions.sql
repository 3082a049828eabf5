-- The results that were changed after they were first loaded, newest first.
select
    revised_at,
    season,
    race_name,
    race_date,
    driver_name,
    constructor_name,
    revised_column,
    value_before,
    value_after
from marts.fct_result_revisions
order by revised_at desc, race_date desc, driver_name asc, revised_column asc
