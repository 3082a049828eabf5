with

careers as (

    select * from {{ ref('int_careers__teams') }}
    where grouping_kind = 'lineage'

),

final as (

    select
        group_ref as lineage_ref,
        group_name as lineage_name,
        constructors,
        seasons,
        first_season,
        last_season,
        entries,
        starts,
        wins,
        podiums,
        poles,
        titles,
        points
    from careers

)

select * from final
