with

constructors as (

    select * from {{ ref('stg_ergast__constructors') }}

),

nationality_aliases as (

    select * from {{ ref('name_aliases') }}
    where kind = 'nationality'

),

final as (

    select
        constructors.constructor_id,
        constructors.constructor_ref,
        constructors.constructor_name,
        coalesce(nationality_aliases.standard_name, constructors.source_nationality) as nationality,
        constructors.wikipedia_url
    from constructors
    left join nationality_aliases
        on constructors.source_nationality = nationality_aliases.source_name

)

select * from final
