with

driver_standings as (

    select * from {{ ref('stg_ergast__driver_standings') }}

),

constructor_standings as (

    select * from {{ ref('stg_ergast__constructor_standings') }}

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

standings as (

    select
        'drivers' as championship,
        driver_standing_id as standing_id,
        race_id,
        driver_id as competitor_id,
        points,
        position,
        position_text,
        wins
    from driver_standings

    union all

    select
        'constructors' as championship,
        constructor_standing_id as standing_id,
        race_id,
        constructor_id as competitor_id,
        points,
        position,
        position_text,
        wins
    from constructor_standings

),

final as (

    select
        standings.championship,
        standings.standing_id,
        standings.race_id,
        races.season,
        races.round,
        standings.competitor_id,
        standings.points,
        standings.position,
        standings.position_text,
        standings.position_text in ('D', 'E') as is_excluded,
        standings.wins,
        races.round = max(races.round) over (
            partition by standings.championship, races.season
        ) as is_latest_of_season
    from standings
    inner join races
        on standings.race_id = races.race_id

)

select * from final
