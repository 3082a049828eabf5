with

circuits as (

    select * from {{ ref('stg_ergast__circuits') }}

),

constructors as (

    select * from {{ ref('stg_ergast__constructors') }}

),

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

country_aliases as (

    select * from {{ ref('name_aliases') }}
    where kind = 'country'

),

aliased_countries as (

    select
        circuits.circuit_id,
        circuits.source_country,
        country_aliases.standard_name
    from circuits
    inner join country_aliases
        on circuits.source_country = country_aliases.source_name

),

repeated_codes as (

    select
        driver_code,
        count(*) as drivers_with_code
    from drivers
    where driver_code is not null
    group by driver_code
    having count(*) > 1

),

repeated_numbers as (

    select
        permanent_number,
        count(*) as drivers_with_number
    from drivers
    where permanent_number is not null
    group by permanent_number
    having count(*) > 1

),

unioned as (

    select
        'country_spelling' as anomaly_kind,
        'circuits' as source_table,
        {{ anomaly_key(['circuit_id']) }} as source_key,
        cast(null as integer) as race_id,
        cast(null as integer) as season,
        source_country as seen,
        standard_name as expected
    from aliased_countries

    union all

    select
        'unclean_text' as anomaly_kind,
        'circuits' as source_table,
        {{ anomaly_key(['circuit_id']) }} as source_key,
        cast(null as integer) as race_id,
        cast(null as integer) as season,
        '"' || warning_unclean_text || '"' as seen,
        'without stray spaces and HTML entities' as expected
    from circuits
    where
        warning_unclean_text is not null

    union all

    select
        'unclean_text' as anomaly_kind,
        'constructors' as source_table,
        {{ anomaly_key(['constructor_id']) }} as source_key,
        cast(null as integer) as race_id,
        cast(null as integer) as season,
        '"' || warning_unclean_text || '"' as seen,
        'without stray spaces and HTML entities' as expected
    from constructors
    where
        warning_unclean_text is not null

    union all

    select
        'unclean_text' as anomaly_kind,
        'drivers' as source_table,
        {{ anomaly_key(['driver_id']) }} as source_key,
        cast(null as integer) as race_id,
        cast(null as integer) as season,
        '"' || warning_unclean_text || '"' as seen,
        'without stray spaces and HTML entities' as expected
    from drivers
    where
        warning_unclean_text is not null

    union all

    select
        'driver_code_repeated' as anomaly_kind,
        'drivers' as source_table,
        {{ anomaly_key(['driver_code']) }} as source_key,
        cast(null as integer) as race_id,
        cast(null as integer) as season,
        cast(drivers_with_code as {{ dbt.type_string() }}) || ' drivers' as seen,
        'no key; use driver_id or driver_ref' as expected
    from repeated_codes

    union all

    select
        'permanent_number_repeated' as anomaly_kind,
        'drivers' as source_table,
        {{ anomaly_key(['permanent_number']) }} as source_key,
        cast(null as integer) as race_id,
        cast(null as integer) as season,
        cast(drivers_with_number as {{ dbt.type_string() }}) || ' drivers' as seen,
        'no key; use driver_id or driver_ref' as expected
    from repeated_numbers

)

select * from unioned
