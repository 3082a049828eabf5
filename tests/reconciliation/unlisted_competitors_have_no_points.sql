-- Competitors that a table of the source leaves out although they have points, a win or a place by then.
with

tables as (

    select distinct
        championship,
        race_id
    from {{ ref('int_championship__official_standings') }}

)

select
    standings.championship,
    standings.season,
    standings.round,
    standings.competitor_id
from {{ ref('int_championship__reconciliation') }} as reconciliation
inner join {{ ref('int_championship__standings') }} as standings
    on reconciliation.championship = standings.championship
    and reconciliation.race_id = standings.race_id
    and reconciliation.competitor_id = standings.competitor_id
inner join tables
    on reconciliation.championship = tables.championship
    and reconciliation.race_id = tables.race_id
where
    reconciliation.is_reconciled is null
    and (
        standings.points_gross > 0
        or standings.wins > 0
        or standings.places_1_to_18 > 0
        or standings.places_19_to_36 > 0
    )
