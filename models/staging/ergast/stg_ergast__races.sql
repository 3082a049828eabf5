with

source as (

    select * from {{ source('ergast', 'races') }}

),

renamed as (

    select
        race_id,
        year as season,
        round,
        circuit_id,
        {{ clean_text('name') }} as race_name,
        date as race_date,
        {{ utc_timestamp('date', 'time') }} as race_starts_at,
        fp1_date as practice_1_date,
        {{ utc_timestamp('fp1_date', 'fp1_time') }} as practice_1_starts_at,
        fp2_date as practice_2_date,
        {{ utc_timestamp('fp2_date', 'fp2_time') }} as practice_2_starts_at,
        fp3_date as practice_3_date,
        {{ utc_timestamp('fp3_date', 'fp3_time') }} as practice_3_starts_at,
        quali_date as qualifying_date,
        {{ utc_timestamp('quali_date', 'quali_time') }} as qualifying_starts_at,
        sprint_date,
        {{ utc_timestamp('sprint_date', 'sprint_time') }} as sprint_starts_at,
        {{ https_url('url') }} as wikipedia_url,
        coalesce(url like 'http://%', false) as warning_http_url
    from source

)

select * from renamed
