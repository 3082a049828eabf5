with

source as (

    select * from {{ source('ergast', 'status') }}

),

renamed as (

    select
        status_id,
        {{ clean_text('status') }} as status
    from source

)

select * from renamed
