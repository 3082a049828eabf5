with

result_points as (

    select * from {{ ref('int_championship__result_points') }}

),

races as (

    select * from {{ ref('int_championship__races') }}
    where is_held

),

first_rounds as (

    select
        championship,
        season,
        competitor_id,
        min(round) as first_round
    from result_points
    group by championship, season, competitor_id

),

final as (

    select
        first_rounds.championship,
        races.race_id,
        first_rounds.season,
        races.round,
        first_rounds.competitor_id
    from first_rounds
    inner join races
        on first_rounds.season = races.season
        and first_rounds.first_round <= races.round

)

select * from final
