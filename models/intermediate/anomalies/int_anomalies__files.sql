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
        {{ anomaly(
            'http_urls', '{table_name}', ['table_name'],
            seen='{http_urls} addresses with http',
            expected='https',
            is_of_race=false
        ) }}
    from mixed_url_schemes

    union all

    select
        {{ anomaly(
            'short_rows', '{table_name}', ['table_name'],
            seen='{rows_short} rows with fewer fields than the header',
            expected='the fields that are left out are empty',
            is_of_race=false
        ) }}
    from load_manifest
    where rows_short > 0

)

select * from unioned
