with

title_fight as (

    select * from {{ ref('int_championship__title_fight') }}

),

official as (

    select * from {{ ref('int_championship__official_standings') }}

),

competitors as (

    select * from {{ ref('int_championship__competitors') }}

),

exceptions as (

    select * from {{ ref('championship_exceptions') }}

),

reasons as (

    select
        competitors.championship,
        competitors.competitor_id,
        exceptions.season,
        exceptions.round,
        min(exceptions.reason) as exception_reason
    from exceptions
    inner join competitors
        on exceptions.championship = competitors.championship
        and exceptions.competitor_ref = competitors.competitor_ref
    group by competitors.championship, competitors.competitor_id, exceptions.season, exceptions.round

),

final as (

    select
        title_fight.*,
        official.official_points,
        official.official_position,
        official.official_wins,
        -- Any place inside a tie agrees: no rule decides there.
        case
            when official.competitor_id is not null
                then title_fight.points_counted = official.official_points
                    and title_fight.wins = official.official_wins
                    and (
                        official.official_position is null
                        or official.official_position
                        between title_fight.sporting_position
                        and title_fight.sporting_position + title_fight.sharing_position - 1
                    )
        end as is_reconciled,
        reasons.exception_reason
    from title_fight
    left join official
        on title_fight.championship = official.championship
        and title_fight.race_id = official.race_id
        and title_fight.competitor_id = official.competitor_id
    left join reasons
        on title_fight.championship = reasons.championship
        and title_fight.season = reasons.season
        and title_fight.round = reasons.round
        and title_fight.competitor_id = reasons.competitor_id

)

select * from final
