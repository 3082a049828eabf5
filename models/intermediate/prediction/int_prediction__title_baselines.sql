with

entrants as (

    select * from {{ ref('int_prediction__entrants') }}

),

standings as (

    select * from {{ ref('int_championship__standings') }}
    where championship = 'drivers'

),

all_races as (

    select * from {{ ref('int_championship__races') }}

),

rules as (

    select * from {{ ref('int_championship__rules') }}
    where championship = 'drivers'

),

seasons as (

    select
        season,
        bool_and(is_held) as is_complete
    from all_races
    where season >= {{ var('first_predicted_season') }}
    group by season

),

races_with_entrants as (

    select distinct race_id from entrants

),

-- Those that were held, and those to come. A race that was cancelled has no entrants.
races as (

    select
        all_races.race_id,
        all_races.season,
        lag(all_races.race_id) over (partition by all_races.season order by all_races.round) as previous_race_id
    from all_races
    inner join races_with_entrants
        on all_races.race_id = races_with_entrants.race_id

),

gaps as (

    select
        race_id,
        competitor_id as driver_id,
        max(points_counted) over (partition by race_id) - points_counted as gap_to_leader
    from standings

),

-- Before the first race of a season there are no gaps.
contenders as (

    select
        races.race_id,
        races.season,
        gaps.driver_id,
        gaps.gap_to_leader
    from races
    inner join gaps
        on races.previous_race_id = gaps.race_id
    union all
    select
        races.race_id,
        races.season,
        entrants.driver_id,
        0 as gap_to_leader
    from races
    inner join entrants
        on races.race_id = entrants.race_id
    where races.previous_race_id is null

),

champions as (

    select
        season,
        competitor_id as driver_id
    from standings
    where is_latest_of_season and championship_position = 1

),

likelihoods as (

    select
        contenders.race_id,
        contenders.driver_id,
        cast(
            exp(
                -{{ ratio(
                    'contenders.gap_to_leader', 'rules.points_of_win * ' ~ var('baseline_title_percent'),
                    'decimal(20, 9)', times=100
                ) }}
            ) as decimal(20, 9)
        ) as likelihood,
        case
            when not seasons.is_complete then null
            when champions.driver_id is null then 0
            else 1
        end as outcome
    from contenders
    inner join seasons
        on contenders.season = seasons.season
    inner join rules
        on contenders.season = rules.season
    left join champions
        on contenders.season = champions.season
        and contenders.driver_id = champions.driver_id

),

final as (

    select
        race_id,
        driver_id,
        {{ ratio('likelihood', 'sum(likelihood) over (partition by race_id)', 'decimal(8, 6)') }} as probability,
        outcome
    from likelihoods

)

select * from final
