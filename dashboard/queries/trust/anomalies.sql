-- The rows of the source with one kind of anomaly: what they say, and what they should say.
select
    source_table,
    source_key,
    season,
    race_name,
    race_date,
    seen,
    expected
from quality.source_anomalies
where anomaly_kind = :kind
order by race_date desc nulls last, source_table asc, source_key asc
