with

source as (

    select * from {{ source('ergast', 'seasons') }}

),

renamed as (

    select
        year as season,
        {{ https_url('url') }} as wikipedia_url,
        coalesce(url like 'http://%', false) as warning_http_url
    from source

)

select * from renamed
