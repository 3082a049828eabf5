with

circuits as (

    select * from {{ ref('stg_ergast__circuits') }}

),

country_aliases as (

    select * from {{ ref('name_aliases') }}
    where kind = 'country'

),

final as (

    select
        circuits.circuit_id,
        circuits.circuit_ref,
        circuits.circuit_name,
        circuits.locality,
        coalesce(country_aliases.standard_name, circuits.source_country) as country,
        circuits.latitude,
        circuits.longitude,
        circuits.altitude_m,
        circuits.wikipedia_url
    from circuits
    left join country_aliases
        on circuits.source_country = country_aliases.source_name

)

select * from final
