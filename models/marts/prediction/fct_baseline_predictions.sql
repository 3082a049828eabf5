with

outcomes as (

    select * from {{ ref('int_prediction__outcomes') }}

),

standings as (

    select * from {{ ref('fct_driver_championship') }}

),

all_races as (

    select * from {{ ref('dim_races') }}

),

seasons as (

    select * from {{ ref('dim_seasons') }}
    where season >= {{ var('first_predicted_season') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

numbered_races as (

    select
        *,
        row_number() over (order by season, round) as race_number
    from all_races

),

marked_races as (

    select
        *,
        max(case when is_held then race_number end) over () as last_held_number
    from numbered_races

),

-- Those that were held, and those to come. A race that was cancelled in between is no race.
races as (

    select
        race_id,
        season,
        lag(race_id) over (order by race_number) as previous_race_id,
        coalesce(season > lag(season) over (order by race_number), true) as is_first_of_season
    from marked_races
    where is_held or race_number > last_held_number

),

moments as (

    select 'before_weekend' as known_at
    union all
    select 'after_qualifying' as known_at

),

-- What the baseline looks at: the grid slot, or the place in the championship; 0 if there is none.
starts as (

    select
        outcomes.season,
        outcomes.race_id,
        outcomes.driver_id,
        moments.known_at,
        coalesce(
            case
                when moments.known_at = 'after_qualifying' then outcomes.grid_position
                else standings.championship_position
            end, 0
        ) as slot,
        outcomes.wins,
        outcomes.podiums,
        outcomes.scores,
        outcomes.classified
    from outcomes
    cross join moments
    inner join races
        on outcomes.race_id = races.race_id
    left join standings
        on races.previous_race_id = standings.race_id
        and outcomes.driver_id = standings.driver_id
    where outcomes.is_counted

),

season_slots as (

    select
        known_at,
        season,
        slot,
        count(*) as cars,
        sum(wins) as wins,
        sum(podiums) as podiums,
        sum(scores) as scores,
        sum(classified) as classified
    from starts
    group by known_at, season, slot

),

-- Each season knows the seasons before it. A weight is a whole number of thousandths, so that every engine adds up the
-- same sums.
earlier_slots as (

    select
        seasons.season as of_season,
        season_slots.*,
        cast(
            round(
                1000 * power(
                    0.5,
                    cast(seasons.season - season_slots.season as decimal(20, 9))
                    / {{ var('baseline_half_life_seasons') }}
                )
            ) as bigint
        ) as weight,
        case
            when seasons.season - season_slots.season <= {{ var('baseline_classified_seasons') }} then 1
            else 0
        end as is_recent
    from seasons
    inner join season_slots
        on seasons.season > season_slots.season

),

slot_sums as (

    select
        known_at,
        of_season,
        slot,
        sum(weight * cars) as cars,
        sum(weight * wins) as wins,
        sum(weight * podiums) as podiums,
        sum(weight * scores) as scores,
        sum(is_recent * cars) as recent_cars,
        sum(is_recent * classified) as recent_classified
    from earlier_slots
    group by known_at, of_season, slot

),

field_sums as (

    select
        *,
        sum(cars) over (partition by known_at, of_season) as field_cars,
        sum(wins) over (partition by known_at, of_season) as field_wins,
        sum(podiums) over (partition by known_at, of_season) as field_podiums,
        sum(scores) over (partition by known_at, of_season) as field_scores,
        sum(recent_cars) over (partition by known_at, of_season) as field_recent_cars,
        sum(recent_classified) over (partition by known_at, of_season) as field_recent_classified
    from slot_sums

),

-- Each slot of a season with all slots of the seasons before it.
pairs as (

    select
        season_slots.known_at,
        season_slots.season,
        season_slots.slot,
        field_sums.slot as earlier_slot,
        case
            when season_slots.slot = 0 and field_sums.slot = 0 then 1
            when field_sums.slot between 1 and season_slots.slot then 1
            else 0
        end as is_known,
        field_sums.cars,
        field_sums.wins,
        field_sums.podiums,
        field_sums.scores,
        {{ ratio('field_sums.field_wins', 'field_sums.field_cars', 'decimal(10, 9)') }} as win_rate,
        {{ ratio('field_sums.field_podiums', 'field_sums.field_cars', 'decimal(10, 9)') }} as podium_rate,
        {{ ratio('field_sums.field_scores', 'field_sums.field_cars', 'decimal(10, 9)') }} as score_rate,
        {{ ratio('field_sums.field_recent_classified', 'field_sums.field_recent_cars', 'decimal(8, 6)') }}
            as classified_rate
    from season_slots
    inner join field_sums
        on season_slots.known_at = field_sums.known_at
        and season_slots.season = field_sums.of_season

),

-- A slot that no earlier season had counts as the last one before it. If there is none, only the field is known.
preferred as (

    select
        *,
        row_number() over (
            partition by known_at, season, slot
            order by is_known desc, earlier_slot desc
        ) as preference
    from pairs

),

slot_rates as (

    select
        known_at,
        season,
        slot,
        {{ smoothed_rate('is_known * wins', 'is_known * cars', 'win_rate') }} as win_rate,
        {{ smoothed_rate('is_known * podiums', 'is_known * cars', 'podium_rate') }} as podium_rate,
        {{ smoothed_rate('is_known * scores', 'is_known * cars', 'score_rate') }} as score_rate,
        classified_rate
    from preferred
    where preference = 1

),

targets as (

    select 'win' as target
    union all
    select 'podium' as target
    union all
    select 'points' as target
    union all
    select 'classified' as target

),

race_predictions as (

    select
        starts.race_id,
        starts.driver_id,
        starts.known_at,
        targets.target,
        case
            when targets.target = 'classified' then 'three_year_rate'
            when starts.known_at = 'after_qualifying' then 'grid_slot'
            else 'championship_order'
        end as baseline,
        case targets.target
            when 'win' then slot_rates.win_rate
            when 'podium' then slot_rates.podium_rate
            when 'points' then slot_rates.score_rate
            else slot_rates.classified_rate
        end as probability,
        case targets.target
            when 'win' then starts.wins
            when 'podium' then starts.podiums
            when 'points' then starts.scores
            else starts.classified
        end as outcome
    from starts
    inner join slot_rates
        on starts.known_at = slot_rates.known_at
        and starts.season = slot_rates.season
        and starts.slot = slot_rates.slot
    cross join targets

),

points_of_wins as (

    select
        season,
        max(points_of_win) as points_of_win
    from outcomes
    group by season

),

champions as (

    select
        season,
        driver_id
    from standings
    where is_latest_of_season and is_champion

),

gaps as (

    select
        race_id,
        driver_id,
        gap_to_leader
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
    where not races.is_first_of_season
    union all
    select
        races.race_id,
        races.season,
        outcomes.driver_id,
        0 as gap_to_leader
    from races
    inner join outcomes
        on races.race_id = outcomes.race_id
    where races.is_first_of_season

),

likelihoods as (

    select
        contenders.race_id,
        contenders.driver_id,
        cast(
            exp(
                -{{ ratio(
                    'contenders.gap_to_leader', 'points_of_wins.points_of_win * ' ~ var('baseline_title_percent'),
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
    inner join points_of_wins
        on contenders.season = points_of_wins.season
    left join champions
        on contenders.season = champions.season
        and contenders.driver_id = champions.driver_id

),

title_predictions as (

    select
        race_id,
        driver_id,
        'before_weekend' as known_at,
        'title' as target,
        'points_gap_softmax' as baseline,
        {{ ratio('likelihood', 'sum(likelihood) over (partition by race_id)', 'decimal(8, 6)') }} as probability,
        outcome
    from likelihoods

),

predictions as (

    select * from race_predictions
    union all
    select * from title_predictions

),

final as (

    select
        predictions.race_id,
        all_races.race_name,
        all_races.race_date,
        all_races.season,
        all_races.round,
        predictions.driver_id,
        drivers.driver_name,
        predictions.known_at,
        predictions.target,
        predictions.baseline,
        cast(predictions.probability as decimal(10, 9)) as probability,
        predictions.outcome
    from predictions
    inner join all_races
        on predictions.race_id = all_races.race_id
    left join drivers
        on predictions.driver_id = drivers.driver_id
    where predictions.probability is not null

)

select * from final
