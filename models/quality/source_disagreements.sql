with

disagreements as (

    select * from {{ ref('stg_pitwall__source_disagreements') }}

),

final as (

    select
        table_name,
        row_key,
        column_name,
        season,
        used_source,
        used_value,
        other_source,
        other_value,
        used_value is null or other_value is null as is_one_sided,
        reason
    from disagreements

)

select * from final
