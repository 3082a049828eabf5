-- What is wrong with the source, by kind, and what the marts do about it.
select
    anomaly_kind,
    description,
    treatment,
    effect,
    marts,
    anomalies,
    cast(sum(anomalies) over () as bigint) as all_anomalies,
    first_season,
    last_season
from quality.anomaly_counts
order by anomalies desc, anomaly_kind asc
