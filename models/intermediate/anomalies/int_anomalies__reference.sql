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
        {{ anomaly(
            'country_spelling', 'circuits', ['circuit_id'],
            seen='{source_country}',
            expected='{standard_name}',
            is_of_race=false
        ) }}
    from aliased_countries

    union all

    select
        {{ anomaly(
            'unclean_text', 'circuits', ['circuit_id'],
            seen='"{warning_unclean_text}"',
            expected='without stray spaces and HTML entities',
            is_of_race=false
        ) }}
    from circuits
    where warning_unclean_text is not null

    union all

    select
        {{ anomaly(
            'unclean_text', 'constructors', ['constructor_id'],
            seen='"{warning_unclean_text}"',
            expected='without stray spaces and HTML entities',
            is_of_race=false
        ) }}
    from constructors
    where warning_unclean_text is not null

    union all

    select
        {{ anomaly(
            'unclean_text', 'drivers', ['driver_id'],
            seen='"{warning_unclean_text}"',
            expected='without stray spaces and HTML entities',
            is_of_race=false
        ) }}
    from drivers
    where warning_unclean_text is not null

    union all

    select
        {{ anomaly(
            'driver_code_repeated', 'drivers', ['driver_code'],
            seen='{drivers_with_code} drivers',
            expected='no key; use driver_id or driver_ref',
            is_of_race=false
        ) }}
    from repeated_codes

    union all

    select
        {{ anomaly(
            'permanent_number_repeated', 'drivers', ['permanent_number'],
            seen='{drivers_with_number} drivers',
            expected='no key; use driver_id or driver_ref',
            is_of_race=false
        ) }}
    from repeated_numbers

)

select * from unioned
