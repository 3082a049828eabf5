-- Every constructor that entered a race, with its years. A repeated name has the reference beside it.
select
    constructor_careers.constructor_id,
    case
        when count(*) over (partition by constructor_careers.constructor_name) = 1
            then constructor_careers.constructor_name
        else constructor_careers.constructor_name || ' (' || dim_constructors.constructor_ref || ')'
    end as choice,
    constructor_careers.constructor_name,
    constructor_careers.first_season,
    constructor_careers.last_season,
    constructor_careers.starts,
    row_number() over (
        order by
            constructor_careers.wins desc, constructor_careers.points_gross desc, constructor_careers.constructor_id asc
    ) as success_rank
from marts.constructor_careers
inner join marts.dim_constructors
    on constructor_careers.constructor_id = dim_constructors.constructor_id
order by constructor_careers.constructor_name, constructor_careers.constructor_id
