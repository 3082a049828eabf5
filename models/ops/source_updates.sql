with

build_tables as (

    select * from {{ ref('stg_ops__build_tables') }}
    where table_schema = 'raw'

),

contents as (

    select
        built_at,
        table_name,
        row_count,
        content_hash,
        lag(row_count) over (partition by table_name order by built_at) as rows_before,
        lag(content_hash) over (partition by table_name order by built_at) as hash_before,
        max(built_at) over (partition by table_name) as last_built_at
    from build_tables

),

new_contents as (

    select
        *,
        row_number() over (partition by table_name order by built_at desc) as recency
    from contents
    where {{ is_distinct('content_hash', 'hash_before') }}

),

final as (

    select
        table_name,
        built_at as last_new_at,
        hash_before is null as is_first_known,
        row_count,
        row_count - rows_before as rows_added,
        last_built_at
    from new_contents
    where recency = 1

)

select * from final
