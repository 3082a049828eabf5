with

circuits as (

    select * from {{ ref('stg_ergast__circuits') }}

),

constructors as (

    select * from {{ ref('stg_ergast__constructors') }}

),

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

seasons as (

    select * from {{ ref('stg_ergast__seasons') }}

),

load_manifest as (

    select * from {{ ref('stg_pitwall__load_manifest') }}

),

url_schemes as (

    select
        'circuits' as table_name,
        warning_http_url
    from circuits

    union all

    select
        'constructors' as table_name,
        warning_http_url
    from constructors

    union all

    select
        'drivers' as table_name,
        warning_http_url
    from drivers

    union all

    select
        'races' as table_name,
        warning_http_url
    from races

    union all

    select
        'seasons' as table_name,
        warning_http_url
    from seasons

),

mixed_url_schemes as (

    select
        table_name,
        count(*) filter (where warning_http_url) as http_urls
    from url_schemes
    group by table_name
    having count(*) filter (where warning_http_url) > 0

),

unioned as (

    select
        'http_urls' as anomaly_kind,
        table_name as source_table,
        {{ anomaly_key(['table_name']) }} as source_key,
        cast(null as integer) as race_id,
        cast(null as integer) as season,
        cast(http_urls as {{ dbt.type_string() }}) || ' addresses with http' as seen,
        'https' as expected
    from mixed_url_schemes

    union all

    select
        'short_rows' as anomaly_kind,
        table_name as source_table,
        {{ anomaly_key(['table_name']) }} as source_key,
        cast(null as integer) as race_id,
        cast(null as integer) as season,
        cast(rows_short as {{ dbt.type_string() }}) || ' rows with fewer fields than the header' as seen,
        'the fields that are left out are empty' as expected
    from load_manifest
    where
        rows_short > 0

)

select * from unioned
