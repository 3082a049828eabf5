with

results as (

    select * from {{ ref('fct_race_results') }}

),

standings as (

    select * from {{ ref('fct_driver_championship') }}

),

all_races as (

    select * from {{ ref('dim_races') }}

),

seasons as (

    select * from {{ ref('dim_seasons') }}

),

rules as (

    select * from {{ ref('int_championship__rules') }}
    where championship = 'drivers'

),

points_by_position as (

    select * from {{ ref('points_by_position') }}
    where session_type = 'race'

),

scoring as (

    select
        rules.season,
        max(points_by_position.position) as scoring_places,
        max(points_by_position.points) as points_of_win
    from rules
    inner join points_by_position
        on rules.points_system = points_by_position.points_system
    group by rules.season

),

numbered_races as (

    select
        *,
        row_number() over (order by season, round) as race_number
    from all_races

),

last_held as (

    select max(race_number) as race_number from numbered_races
    where is_held

),

-- Those that were held, and the next one. A race that was cancelled in between is no race.
races as (

    select
        numbered_races.*,
        lag(numbered_races.race_id) over (order by numbered_races.race_number) as previous_race_id,
        lag(numbered_races.season) over (order by numbered_races.race_number) as previous_season
    from numbered_races
    cross join last_held
    where numbered_races.is_held or numbered_races.race_number = last_held.race_number + 1

),

-- A driver with two cars is one row, with the better of each.
entries as (

    select
        race_id,
        race_name,
        race_date,
        season,
        round,
        driver_id,
        driver_name,
        min(grid_position) as grid_position,
        min(finishing_position) as finishing_position,
        bool_or(is_classified) as is_classified,
        bool_and(position_text = 'F') as is_not_qualified
    from results
    group by race_id, race_name, race_date, season, round, driver_id, driver_name

),

known as (

    select
        entries.*,
        standings.championship_position as place_before,
        coalesce(entries.finishing_position <= scoring.scoring_places, false) as is_in_points
    from entries
    inner join races
        on entries.race_id = races.race_id
    inner join scoring
        on entries.season = scoring.season
    left join standings
        on races.previous_race_id = standings.race_id
        and entries.driver_id = standings.driver_id

),

-- What the baseline looks at: the grid slot, or the place in the championship; 0 if there is none.
moments as (

    select
        *,
        'after_qualifying' as known_at,
        'grid_slot' as baseline,
        coalesce(grid_position, 0) as slot
    from known
    where not is_not_qualified
    union all
    select
        *,
        'before_weekend' as known_at,
        'championship_order' as baseline,
        coalesce(place_before, 0) as slot
    from known

),

starts as (

    select
        *,
        case when finishing_position = 1 then 1 else 0 end as wins,
        case when finishing_position <= 3 then 1 else 0 end as podiums,
        case when is_in_points then 1 else 0 end as scores,
        case when is_classified then 1 else 0 end as classified
    from moments

),

season_slots as (

    select
        known_at,
        baseline,
        season,
        slot,
        count(*) as cars,
        sum(wins) as wins,
        sum(podiums) as podiums,
        sum(scores) as scores,
        sum(classified) as classified
    from starts
    group by known_at, baseline, season, slot

),

season_moments as (

    select distinct
        known_at,
        season
    from season_slots
    where season >= {{ var('first_predicted_season') }}

),

-- Each season knows the seasons before it. A weight is a whole number of thousandths, so that every engine adds up the
-- same sums.
earlier_slots as (

    select
        season_moments.season as of_season,
        earlier.*,
        cast(
            round(
                1000 * power(
                    0.5,
                    cast(season_moments.season - earlier.season as decimal(20, 9))
                    / {{ var('baseline_half_life_seasons') }}
                )
            ) as bigint
        ) as weight
    from season_moments
    inner join season_slots as earlier
        on season_moments.known_at = earlier.known_at
        and season_moments.season > earlier.season

),

slot_sums as (

    select
        known_at,
        of_season,
        slot,
        cast(sum(weight * cars) as bigint) as cars,
        cast(sum(weight * wins) as bigint) as wins,
        cast(sum(weight * podiums) as bigint) as podiums,
        cast(sum(weight * scores) as bigint) as scores
    from earlier_slots
    group by known_at, of_season, slot

),

field_sums as (

    select
        known_at,
        of_season,
        sum(cars) as cars,
        sum(wins) as wins,
        sum(podiums) as podiums,
        sum(scores) as scores
    from slot_sums
    group by known_at, of_season

),

field_rates as (

    select
        known_at,
        of_season,
        {{ ratio('wins', 'cars', 'decimal(10, 9)') }} as win_rate,
        {{ ratio('podiums', 'cars', 'decimal(10, 9)') }} as podium_rate,
        {{ ratio('scores', 'cars', 'decimal(10, 9)') }} as score_rate
    from field_sums

),

classified_rates as (

    select
        known_at,
        of_season,
        {{ ratio('sum(classified)', 'sum(cars)', 'decimal(8, 6)') }} as classified_rate
    from earlier_slots
    where of_season - season <= {{ var('baseline_classified_seasons') }}
    group by known_at, of_season

),

-- A slot that no earlier season had counts as the last one before it.
known_slots as (

    select
        season_slots.known_at,
        season_slots.baseline,
        season_slots.season,
        season_slots.slot,
        max(slot_sums.slot) as known_slot
    from season_slots
    left join slot_sums
        on season_slots.known_at = slot_sums.known_at
        and season_slots.season = slot_sums.of_season
        and season_slots.slot >= slot_sums.slot
        and (season_slots.slot = 0 or slot_sums.slot > 0)
    where season_slots.season >= {{ var('first_predicted_season') }}
    group by season_slots.known_at, season_slots.baseline, season_slots.season, season_slots.slot

),

slot_rates as (

    select
        known_slots.known_at,
        known_slots.baseline,
        known_slots.season,
        known_slots.slot,
        {{ smoothed_rate('slot_sums.wins', 'slot_sums.cars', 'field_rates.win_rate') }} as win_rate,
        {{ smoothed_rate('slot_sums.podiums', 'slot_sums.cars', 'field_rates.podium_rate') }} as podium_rate,
        {{ smoothed_rate('slot_sums.scores', 'slot_sums.cars', 'field_rates.score_rate') }} as score_rate,
        classified_rates.classified_rate
    from known_slots
    inner join field_rates
        on known_slots.known_at = field_rates.known_at
        and known_slots.season = field_rates.of_season
    left join classified_rates
        on known_slots.known_at = classified_rates.known_at
        and known_slots.season = classified_rates.of_season
    left join slot_sums
        on known_slots.known_at = slot_sums.known_at
        and known_slots.season = slot_sums.of_season
        and known_slots.known_slot = slot_sums.slot

),

rates as (

    select known_at, season, slot, 'win' as target, baseline, win_rate as probability
    from slot_rates
    union all
    select known_at, season, slot, 'podium' as target, baseline, podium_rate as probability
    from slot_rates
    union all
    select known_at, season, slot, 'points' as target, baseline, score_rate as probability
    from slot_rates
    union all
    select known_at, season, slot, 'classified' as target, 'three_year_rate' as baseline, classified_rate as probability
    from slot_rates
    where classified_rate is not null

),

race_predictions as (

    select
        starts.race_id,
        starts.race_name,
        starts.race_date,
        starts.season,
        starts.round,
        starts.driver_id,
        starts.driver_name,
        starts.known_at,
        rates.target,
        rates.baseline,
        rates.probability,
        case rates.target
            when 'win' then starts.wins
            when 'podium' then starts.podiums
            when 'points' then starts.scores
            else starts.classified
        end as outcome
    from starts
    inner join rates
        on starts.known_at = rates.known_at
        and starts.season = rates.season
        and starts.slot = rates.slot

),

-- Before the first race of a season there are no gaps.
contenders as (

    select
        races.race_id,
        standings.driver_id,
        standings.driver_name,
        standings.gap_to_leader
    from races
    inner join standings
        on races.previous_race_id = standings.race_id
        and races.season = races.previous_season
    union all
    select
        races.race_id,
        entries.driver_id,
        entries.driver_name,
        0 as gap_to_leader
    from races
    inner join entries
        on races.race_id = entries.race_id
    where races.previous_season is null or races.season > races.previous_season

),

champions as (

    select
        season,
        driver_id
    from standings
    where is_latest_of_season and is_champion

),

likelihoods as (

    select
        contenders.race_id,
        races.race_name,
        races.race_date,
        races.season,
        races.round,
        contenders.driver_id,
        contenders.driver_name,
        cast(
            exp(
                -{{ ratio(
                    'contenders.gap_to_leader', 'scoring.points_of_win * ' ~ var('baseline_title_percent'),
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
    inner join races
        on contenders.race_id = races.race_id
    inner join seasons
        on races.season = seasons.season
    inner join scoring
        on races.season = scoring.season
    left join champions
        on races.season = champions.season
        and contenders.driver_id = champions.driver_id
    where races.season >= {{ var('first_predicted_season') }}

),

title_predictions as (

    select
        race_id,
        race_name,
        race_date,
        season,
        round,
        driver_id,
        driver_name,
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
        race_id,
        race_name,
        race_date,
        season,
        round,
        driver_id,
        driver_name,
        known_at,
        target,
        baseline,
        cast(probability as decimal(10, 9)) as probability,
        outcome
    from predictions

)

select * from final
