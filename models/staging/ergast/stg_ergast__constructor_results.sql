with

source as (

    select * from {{ source('ergast', 'constructor_results') }}

),

renamed as (

    select
        constructor_results_id as constructor_result_id,
        race_id,
        constructor_id,
        points,
        coalesce(status = 'D', false) as is_disqualified
    from source

)

select * from renamed
