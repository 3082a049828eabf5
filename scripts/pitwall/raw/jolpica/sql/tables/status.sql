select
    status_id,
    status
from status_ids
order by status_id, status
