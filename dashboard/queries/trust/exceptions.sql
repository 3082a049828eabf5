-- Where the computed championship differs, and why. `source_differs`: from the source's table. `record_books_differ`: from
-- record books. `tie_order`: both agree that it is a tie, and order it in another way.
select
    kind,
    season,
    round,
    race_name,
    championship,
    coalesce(driver_name, constructor_name) as competitor,
    measure,
    computed_value,
    other_value,
    reason
from marts.fct_championship_exceptions
where :kind in ('all', kind)
order by
    case kind when 'source_differs' then 1 when 'record_books_differ' then 2 else 3 end,
    season,
    round,
    championship,
    coalesce(driver_name, constructor_name),
    measure
