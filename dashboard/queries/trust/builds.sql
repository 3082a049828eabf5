-- The builds of this warehouse, newest first: what they read, how, and how long they took.
select
    built_at,
    input,
    plan,
    duration_ms / 1000.0 as duration_s,
    mart_tables,
    mart_rows,
    data_tests,
    unit_tests
from ops.builds
order by built_at desc
