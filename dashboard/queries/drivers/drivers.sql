-- Every driver who entered a race, with the years of their career. A repeated name has the reference beside it.
select
    driver_careers.driver_id,
    case
        when count(*) over (partition by driver_careers.driver_name) = 1 then driver_careers.driver_name
        else driver_careers.driver_name || ' (' || dim_drivers.driver_ref || ')'
    end as choice,
    driver_careers.driver_name,
    driver_careers.first_season,
    driver_careers.last_season,
    driver_careers.starts,
    row_number() over (
        order by driver_careers.wins desc, driver_careers.points_gross desc, driver_careers.driver_id asc
    ) as success_rank
from marts.driver_careers
inner join marts.dim_drivers
    on driver_careers.driver_id = dim_drivers.driver_id
order by driver_careers.driver_name, driver_careers.driver_id
