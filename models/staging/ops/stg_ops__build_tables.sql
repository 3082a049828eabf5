with

source as (

    select * from {{ source('ops', 'build_tables') }}

),

renamed as (

    select
        built_at,
        table_schema,
        table_name,
        row_count,
        duration_ms,
        content_hash
    from source

)

select * from renamed
