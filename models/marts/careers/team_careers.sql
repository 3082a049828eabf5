with

careers as (

    select * from {{ ref('int_careers__teams') }}
    where grouping_kind = 'team'

),

final as (

    select
        group_ref as team_ref,
        group_name as team_name,
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
