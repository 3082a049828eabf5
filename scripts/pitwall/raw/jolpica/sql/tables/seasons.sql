select
    year,
    wikipedia as url
from dump.season
order by try_cast(year as integer), id
