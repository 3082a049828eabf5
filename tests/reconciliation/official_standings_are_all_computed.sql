-- Rows of the source's tables that the computed championship lacks.
select
    official.championship,
    official.race_id,
    official.competitor_id
from {{ ref('int_championship__official_standings') }} as official
left join {{ ref('int_championship__reconciliation') }} as reconciliation
    on official.championship = reconciliation.championship
    and official.race_id = reconciliation.race_id
    and official.competitor_id = reconciliation.competitor_id
where reconciliation.competitor_id is null
