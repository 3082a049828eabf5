with

standings as (

    select * from {{ ref('int_championship__standings') }}

),

attainable as (

    select * from {{ ref('int_championship__attainable') }}

),

rules as (

    select * from {{ ref('int_championship__rules') }}

),

-- At best a competitor wins every race that is left. A constructor all of whose cars score is second as well.
at_best as (

    select
        standings.*,
        cast(
            coalesce(attainable.points_at_most, 0) + standings.points_adjustment as decimal(8, 2)
        ) as points_attainable,
        standings.places_1_to_18
        + coalesce(attainable.races_to_win, 0) * (
            {{ place_weight('1', 1) }}
            + case
                when standings.championship <> 'drivers' and rules.scoring_cars = 'all'
                    then {{ place_weight('2', 1) }}
                else 0
            end
        ) as places_1_to_18_at_best
    from standings
    inner join rules
        on standings.championship = rules.championship
        and standings.season = rules.season
    left join attainable
        on standings.championship = attainable.championship
        and standings.season = attainable.season
        and standings.round = attainable.round
        and standings.competitor_id = attainable.competitor_id

),

-- All others score nothing more, so a competitor ahead of those still in the fight has at least this.
ranked as (

    select
        *,
        row_number() over (
            partition by championship, season, round
            order by
                is_out asc, points_counted desc, places_1_to_18 desc, places_19_to_36 desc, championship_position asc
        ) as rank_among_rivals
    from at_best

),

leaders as (

    select
        championship,
        season,
        round,
        points_counted,
        places_1_to_18,
        places_19_to_36
    from ranked
    where rank_among_rivals = 1 and not is_out

),

judged as (

    select
        ranked.*,
        not ranked.is_out and (
            ranked.rank_among_rivals = 1
            or ranked.points_attainable > leaders.points_counted
            or (
                ranked.points_attainable = leaders.points_counted
                and (
                    ranked.places_1_to_18_at_best > leaders.places_1_to_18
                    or (
                        ranked.places_1_to_18_at_best = leaders.places_1_to_18
                        and ranked.places_19_to_36 >= leaders.places_19_to_36
                    )
                )
            )
        ) as is_title_possible
    from ranked
    left join leaders
        on ranked.championship = leaders.championship
        and ranked.season = leaders.season
        and ranked.round = leaders.round

),

counted as (

    select
        *,
        sum(case when is_title_possible then 1 else 0 end) over (partition by championship, season, round) as contenders
    from judged

),

final as (

    select
        championship,
        race_id,
        season,
        round,
        competitor_id,
        points_gross,
        points_dropped,
        points_adjustment,
        points_counted,
        wins,
        championship_position,
        sporting_position,
        tied_from_position,
        tied_to_position,
        is_excluded,
        is_latest_of_season,
        cast(
            max(case when championship_position = 1 then points_counted end) over (
                partition by championship, season, round
            ) - points_counted as decimal(8, 2)
        ) as gap_to_leader,
        points_attainable,
        is_title_possible,
        contenders = 1 as is_title_decided,
        min(case when contenders = 1 then round end) over (partition by championship, season) as title_decided_in_round,
        max(case when is_latest_of_season and contenders = 1 and is_title_possible then 1 else 0 end) over (
            partition by championship, season, competitor_id
        ) = 1 as is_champion
    from counted

)

select * from final
