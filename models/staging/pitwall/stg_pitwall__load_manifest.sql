with

source as (

    select * from {{ source('pitwall', 'load_manifest') }}

),

renamed as (

    select
        table_name,
        source_name,
        source_sha256,
        rows_read,
        rows_converted,
        rows_quarantined,
        rows_short,
        source_bytes,
        parquet_bytes,
        parquet_sha256,
        seconds as conversion_seconds,
        converted_at,
        checked_at
    from source

)

select * from renamed
