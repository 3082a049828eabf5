with

anomaly_kinds as (

    select * from {{ ref('anomaly_kinds') }}

),

anomalies as (

    select * from {{ ref('source_anomalies') }}

),

final as (

    select
        anomaly_kinds.anomaly_kind,
        anomaly_kinds.description,
        anomaly_kinds.treatment,
        anomaly_kinds.effect,
        anomaly_kinds.marts,
        count(anomalies.anomaly_id) as anomalies,
        min(anomalies.season) as first_season,
        max(anomalies.season) as last_season
    from anomaly_kinds
    left join anomalies
        on anomaly_kinds.anomaly_kind = anomalies.anomaly_kind
    group by
        anomaly_kinds.anomaly_kind,
        anomaly_kinds.description,
        anomaly_kinds.treatment,
        anomaly_kinds.effect,
        anomaly_kinds.marts

)

select * from final
