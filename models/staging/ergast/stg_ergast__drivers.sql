with

source as (

    select * from {{ source('ergast', 'drivers') }}

),

renamed as (

    select
        driver_id,
        driver_ref,
        number as permanent_number,
        code as driver_code,
        {{ clean_text('forename') }} as given_name,
        {{ clean_text('surname') }} as family_name,
        dob as date_of_birth,
        {{ clean_text('nationality') }} as source_nationality,
        {{ https_url('url') }} as wikipedia_url,
        {{ unclean_text(['forename', 'surname', 'nationality']) }} as warning_unclean_text,
        coalesce(url like 'http://%', false) as warning_http_url
    from source

)

select * from renamed
