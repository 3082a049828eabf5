-- Exceptions whose race and competitor exist, but whose difference does not: the source or the rules were corrected.
with

official as (

    select
        competitors.championship,
        competitors.competitor_ref,
        reconciliation.season,
        reconciliation.round,
        reconciliation.official_points,
        reconciliation.official_position,
        reconciliation.official_wins,
        reconciliation.is_reconciled
    from {{ ref('int_championship__reconciliation') }} as reconciliation
    inner join {{ ref('int_championship__competitors') }} as competitors
        on reconciliation.championship = competitors.championship
        and reconciliation.competitor_id = competitors.competitor_id
    where reconciliation.is_reconciled is not null

)

select
    exceptions.season,
    exceptions.round,
    exceptions.championship,
    exceptions.competitor_ref,
    exceptions.kind,
    exceptions.measure
from {{ ref('fct_championship_exceptions') }} as exceptions
inner join official
    on exceptions.championship = official.championship
    and exceptions.competitor_ref = official.competitor_ref
    and exceptions.season = official.season
    and exceptions.round = official.round
where
    exceptions.other_value = exceptions.computed_value
    or (exceptions.kind = 'source_differs' and official.is_reconciled)
    or (exceptions.kind = 'tie_order' and not official.is_reconciled)
    or (
        exceptions.kind <> 'record_books_differ'
        and exceptions.other_value is distinct from case exceptions.measure
            when 'points_counted' then official.official_points
            when 'wins' then official.official_wins
            when 'championship_position' then official.official_position
        end
    )
