with

source as (

    select * from {{ source('predictions', 'ledger') }}

),

renamed as (

    -- A file that was copied under another name counts once.
    select distinct
        season,
        round,
        circuit_ref,
        driver_ref,
        known_at,
        target,
        probability,
        model,
        model_version,
        trained_through,
        cast(replace(replace(predicted_at, 'T', ' '), 'Z', '') as timestamp) as predicted_at,
        is_backtest
    from source

)

select * from renamed
