with

source as (

    select * from {{ source('pitwall', 'source_disagreements') }}

),

renamed as (

    select
        table_name,
        row_key,
        column_name,
        season,
        used_source,
        used_value,
        other_source,
        other_value,
        reason
    from source

)

select * from renamed
