-- The files that the warehouse was built from: rows read, rows converted, rows set aside, and when.
select
    table_name,
    source_name,
    rows_read,
    rows_converted,
    rows_quarantined,
    rows_short,
    source_bytes,
    parquet_bytes,
    source_sha256,
    converted_at,
    checked_at,
    cast(sum(rows_read) over () as bigint) as all_rows_read,
    cast(sum(rows_quarantined) over () as bigint) as all_rows_quarantined,
    max(checked_at) over () as last_checked_at
from raw.load_manifest
-- Not the table that the command derives from several sources.
where source_name <> ''
order by rows_read desc, table_name asc
