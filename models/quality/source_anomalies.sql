with

unioned as (

    select * from {{ ref('int_anomalies__laps') }}

    union all

    select * from {{ ref('int_anomalies__qualifying') }}

    union all

    select * from {{ ref('int_anomalies__reference') }}

    union all

    select * from {{ ref('int_anomalies__results') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['anomaly_kind', 'source_table', 'source_key']) }} as anomaly_id,
        anomaly_kind,
        source_table,
        source_key,
        race_id,
        season,
        seen,
        expected
    from unioned

)

select * from final
