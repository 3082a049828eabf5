-- The rows of both championships, after every race, that the source's own tables have as well, and how many agree.
with

compared as (

    select
        'drivers' as championship,
        season,
        is_reconciled,
        exception_reason
    from marts.fct_driver_championship
    where is_reconciled is not null

    union all

    select
        'constructors' as championship,
        season,
        is_reconciled,
        exception_reason
    from marts.fct_constructor_championship
    where is_reconciled is not null

)

select
    season,
    championship,
    cast(count(*) as integer) as compared,
    cast(count(*) filter (where not is_reconciled) as integer) as differing,
    cast(count(*) filter (where not is_reconciled and exception_reason is null) as integer) as unexplained,
    cast(sum(count(*)) over () as integer) as all_compared,
    cast(sum(count(*) filter (where not is_reconciled)) over () as integer) as all_differing,
    cast(sum(count(*) filter (where not is_reconciled and exception_reason is null)) over () as integer)
        as all_unexplained,
    min(season) over () as first_season,
    max(season) over () as last_season
from compared
group by season, championship
order by season, championship
