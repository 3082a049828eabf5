-- Standings after a race whose points, wins or position differ from the source's table, and no exception says why.
with

differences as (

    select
        reconciliation.championship,
        reconciliation.season,
        reconciliation.round,
        competitors.competitor_ref,
        reconciliation.points_counted,
        reconciliation.official_points,
        reconciliation.wins,
        reconciliation.official_wins,
        reconciliation.championship_position,
        reconciliation.official_position
    from {{ ref('int_championship__reconciliation') }} as reconciliation
    inner join {{ ref('int_championship__competitors') }} as competitors
        on reconciliation.championship = competitors.championship
        and reconciliation.competitor_id = competitors.competitor_id
    where not reconciliation.is_reconciled

),

explained as (

    select * from {{ ref('championship_exceptions') }}
    where kind = 'source_differs'

)

select differences.*
from differences
left join explained
    on differences.championship = explained.championship
    and differences.season = explained.season
    and differences.round = explained.round
    and differences.competitor_ref = explained.competitor_ref
    and case explained.measure
        when 'points_counted' then differences.official_points
        when 'wins' then differences.official_wins
        when 'championship_position' then differences.official_position
    end = explained.other_value
where
    explained.reason is null
    -- An exception explains its own measure only.
    or (explained.measure <> 'points_counted' and differences.points_counted <> differences.official_points)
    or (explained.measure <> 'wins' and differences.wins <> differences.official_wins)
