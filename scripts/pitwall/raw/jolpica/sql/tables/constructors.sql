select
    constructor_ids.constructor_id,
    team.reference as constructor_ref,
    team.name,
    team.nationality,
    team.wikipedia as url
from dump.team
inner join constructor_ids
    on team.id = constructor_ids.dump_id
order by constructor_ids.constructor_id
