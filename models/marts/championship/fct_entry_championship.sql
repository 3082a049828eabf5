{{ config(materialized='by_season') }}

with

reconciliation as (

    select * from {{ ref('int_championship__reconciliation') }}
    where championship in ('constructors', 'entries') and {{ in_changed_seasons() }}

),

entries as (

    select * from {{ ref('int_championship__entries') }}
    where {{ in_changed_seasons() }}

),

championship_entries as (

    select * from {{ ref('championship_entries') }}

),

exceptions as (

    select * from {{ ref('championship_exceptions') }}
    where championship = 'constructors' and kind = 'record_books_differ' and measure = 'points_counted'

),

constructors as (

    select * from {{ ref('dim_constructors') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

seasons_of_entries as (

    select distinct season from entries

),

cars_of_entries as (

    select
        season,
        entry_id,
        max(constructor_id) as constructor_id,
        max(reason) as reason
    from entries
    where is_scored_apart
    group by season, entry_id

),

-- The constructors' championship, or that of the entries where the season has one.
standings as (

    select reconciliation.*
    from reconciliation
    left join seasons_of_entries
        on reconciliation.season = seasons_of_entries.season
    where
        reconciliation.championship = 'entries'
        or seasons_of_entries.season is null

),

named as (

    select
        standings.*,
        -- Larrousse scores for Lola, which is a constructor itself.
        case
            when championship_entries.entry_id is not null then cars_of_entries.constructor_id
            else standings.competitor_id
        end as constructor_id,
        championship_entries.entry_ref,
        championship_entries.entry_name,
        cars_of_entries.entry_id is not null as is_scored_apart,
        cars_of_entries.reason as scored_apart_reason
    from standings
    left join championship_entries
        on standings.championship = 'entries'
        and standings.competitor_id = championship_entries.entry_id
    left join cars_of_entries
        on standings.championship = 'entries'
        and standings.season = cars_of_entries.season
        and standings.competitor_id = cars_of_entries.entry_id

),

constructor_standings as (

    select
        race_id,
        competitor_id as constructor_id,
        points_counted as constructor_points_counted,
        championship_position as constructor_position,
        exception_reason
    from reconciliation
    where championship = 'constructors'

),

final as (

    select
        named.season,
        named.round,
        coalesce(named.entry_ref, constructors.constructor_ref) as entry_ref,
        coalesce(named.entry_name, constructors.constructor_name) as entry_name,
        named.constructor_id,
        constructors.constructor_name,
        named.race_id,
        races.race_name,
        races.race_date,
        named.is_latest_of_season,
        named.points_gross,
        named.points_dropped,
        named.points_adjustment,
        named.points_counted,
        named.wins,
        named.championship_position,
        named.sporting_position,
        named.gap_to_leader,
        named.points_attainable,
        named.is_title_possible,
        named.is_title_decided,
        named.title_decided_in_round,
        named.is_champion,
        named.is_excluded,
        constructor_standings.constructor_points_counted,
        constructor_standings.constructor_position,
        named.is_scored_apart,
        named.scored_apart_reason,
        case when named.is_latest_of_season then coalesce(exceptions.other_value, named.points_counted) end
            as record_book_points,
        constructor_standings.exception_reason
    from named
    left join constructors
        on named.constructor_id = constructors.constructor_id
    left join races
        on named.race_id = races.race_id
    left join constructor_standings
        on named.race_id = constructor_standings.race_id
        and named.constructor_id = constructor_standings.constructor_id
    left join exceptions
        on named.season = exceptions.season
        and named.round = exceptions.round
        and constructors.constructor_ref = exceptions.competitor_ref
        and not named.is_scored_apart

)

select * from final
