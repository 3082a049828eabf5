select
    count(*) || ' cars without an entry in their race, up to 2022: taken as not qualified, because the dump no longer '
    || 'says why'
from results
where position_text = 'F' and cast(entry_id as bigint) >= 10000000
having count(*) > 0
