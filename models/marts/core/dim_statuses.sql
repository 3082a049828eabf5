with

statuses as (

    select * from {{ ref('int_results__statuses') }}

),

final as (

    select
        status_id,
        status,
        status_group,
        status_category
    from statuses

)

select * from final
