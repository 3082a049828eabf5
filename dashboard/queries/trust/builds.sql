-- The builds of this warehouse, newest first: what they read, how, how long they took, and what they changed.
select
    built_at,
    outcome,
    build_input,
    build_kind,
    build_kind_reason,
    duration_ms / 1000.0 as duration_s,
    usual_duration_ms / 1000.0 as usual_duration_s,
    mart_tables,
    mart_rows,
    data_tests,
    unit_tests,
    new_races,
    revised_results,
    reason
from ops.build_times
order by built_at desc
