{{ config(materialized='by_season') }}

with

calendar_anomalies as (

    select * from {{ ref('int_anomalies__calendar') }}

),

corrections_anomalies as (

    select * from {{ ref('int_anomalies__corrections') }}

),

files_anomalies as (

    select * from {{ ref('int_anomalies__files') }}

),

flags_anomalies as (

    select * from {{ ref('int_anomalies__flags') }}

),

laps_anomalies as (

    select * from {{ ref('int_anomalies__laps') }}

),

pit_stops_anomalies as (

    select * from {{ ref('int_anomalies__pit_stops') }}

),

points_anomalies as (

    select * from {{ ref('int_anomalies__points') }}

),

qualifying_anomalies as (

    select * from {{ ref('int_anomalies__qualifying') }}

),

reference_anomalies as (

    select * from {{ ref('int_anomalies__reference') }}

),

results_anomalies as (

    select * from {{ ref('int_anomalies__results') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

unioned as (

    select * from calendar_anomalies

    union all

    select * from corrections_anomalies

    union all

    select * from files_anomalies

    union all

    select * from flags_anomalies

    union all

    select * from laps_anomalies

    union all

    select * from pit_stops_anomalies

    union all

    select * from points_anomalies

    union all

    select * from qualifying_anomalies

    union all

    select * from reference_anomalies

    union all

    select * from results_anomalies

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key([
            'unioned.anomaly_kind', 'unioned.source_table', 'unioned.source_key'
        ]) }} as anomaly_id,
        unioned.anomaly_kind,
        unioned.source_table,
        unioned.source_key,
        unioned.race_id,
        races.race_name,
        races.race_date,
        unioned.season,
        unioned.seen,
        unioned.expected
    from unioned
    left join races
        on unioned.race_id = races.race_id

)

select * from final
