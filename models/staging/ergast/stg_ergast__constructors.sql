with

source as (

    select * from {{ source('ergast', 'constructors') }}

),

renamed as (

    select
        constructor_id,
        constructor_ref,
        {{ clean_text('name') }} as constructor_name,
        {{ clean_text('nationality') }} as source_nationality,
        {{ https_url('url') }} as wikipedia_url,
        {{ unclean_text(['name', 'nationality']) }} as warning_unclean_text,
        coalesce(url like 'http://%', false) as warning_http_url
    from source

)

select * from renamed
