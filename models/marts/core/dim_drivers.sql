with

drivers as (

    select * from {{ ref('stg_ergast__drivers') }}

),

nationality_aliases as (

    select * from {{ ref('name_aliases') }}
    where kind = 'nationality'

),

final as (

    select
        drivers.driver_id,
        drivers.driver_ref,
        drivers.given_name || ' ' || drivers.family_name as driver_name,
        drivers.given_name,
        drivers.family_name,
        drivers.driver_code,
        drivers.permanent_number,
        drivers.date_of_birth,
        coalesce(nationality_aliases.standard_name, drivers.source_nationality) as nationality,
        drivers.wikipedia_url
    from drivers
    left join nationality_aliases
        on drivers.source_nationality = nationality_aliases.source_name

)

select * from final
