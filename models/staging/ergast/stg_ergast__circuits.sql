with

source as (

    select * from {{ source('ergast', 'circuits') }}

),

renamed as (

    select
        circuit_id,
        circuit_ref,
        {{ clean_text('name') }} as circuit_name,
        {{ clean_text('location') }} as locality,
        {{ clean_text('country') }} as source_country,
        lat as latitude,
        lng as longitude,
        alt as altitude_m,
        {{ https_url('url') }} as wikipedia_url,
        {{ unclean_text(['name', 'location', 'country']) }} as warning_unclean_text,
        coalesce(url like 'http://%', false) as warning_http_url
    from source

)

select * from renamed
