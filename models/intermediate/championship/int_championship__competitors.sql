with

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

constructors as (

    select * from {{ ref('stg_ergast__constructors') }}

),

championship_entries as (

    select * from {{ ref('championship_entries') }}

),

final as (

    select
        'drivers' as championship,
        driver_id as competitor_id,
        driver_ref as competitor_ref,
        translate(
            lower(family_name),
            'àáâãäåçèéêëìíîïñòóôõöøùúûüýÿ',
            'aaaaaaceeeeiiiinoooooouuuuyy'
        )
        || ' ' || lower(given_name) as listing_name
    from drivers

    union all

    select
        'constructors' as championship,
        constructor_id as competitor_id,
        constructor_ref as competitor_ref,
        lower(constructor_name) as listing_name
    from constructors

    union all

    select
        'entries' as championship,
        constructor_id as competitor_id,
        constructor_ref as competitor_ref,
        lower(constructor_name) as listing_name
    from constructors

    union all

    select
        'entries' as championship,
        entry_id as competitor_id,
        entry_ref as competitor_ref,
        lower(entry_name) as listing_name
    from championship_entries

)

select * from final
