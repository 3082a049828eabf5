{%- set field_weight = 1000 * var('baseline_field_cars') -%}

with

features as (

    select * from {{ ref('fct_race_features') }}

),

outcomes as (

    select * from {{ ref('int_prediction__outcomes') }}

),

title_baselines as (

    select * from {{ ref('int_prediction__title_baselines') }}

),

seasons as (

    select * from {{ ref('dim_seasons') }}
    where season >= {{ var('first_predicted_season') }}

),

races as (

    select * from {{ ref('dim_races') }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

-- What happened, beside what the baseline looks at: the grid slot, or the place in the championship; 0 if there is none.
starts as (

    select
        features.race_id,
        features.season,
        features.driver_id,
        features.known_at,
        outcomes.target,
        case
            when outcomes.target = 'classified' then 'three_year_rate'
            when features.known_at = 'after_qualifying' then 'grid_slot'
            else 'championship_order'
        end as baseline,
        case
            when outcomes.target = 'classified' then 0
            when features.known_at = 'after_qualifying' then coalesce(features.grid, 0)
            else coalesce(features.championship_place, 0)
        end as slot,
        outcomes.outcome
    from features
    inner join outcomes
        on features.race_id = outcomes.race_id
        and features.driver_id = outcomes.driver_id

),

season_slots as (

    select
        known_at,
        target,
        season,
        slot,
        count(*) as cars,
        sum(outcome) as times
    from starts
    group by known_at, target, season, slot

),

-- Each season knows the seasons before it. A weight is a whole number of thousandths, so that every engine adds up the
-- same sums. After eleven half-lives it is 0.
earlier_slots as (

    select
        seasons.season as of_season,
        season_slots.*,
        case
            when season_slots.target <> 'classified'
                then cast(
                    round(
                        1000 * power(
                            0.5,
                            cast(seasons.season - season_slots.season as decimal(20, 9))
                            / {{ var('baseline_half_life_seasons') }}
                        )
                    ) as bigint
                )
            when seasons.season - season_slots.season <= {{ var('baseline_classified_seasons') }} then 1000
            else 0
        end as weight
    from seasons
    inner join season_slots
        on seasons.season > season_slots.season
        and seasons.season < season_slots.season + 11 * {{ var('baseline_half_life_seasons') }}

),

slots as (

    select
        of_season,
        known_at,
        target,
        slot,
        sum(weight * cars) as cars,
        sum(weight * times) as times
    from earlier_slots
    group by of_season, known_at, target, slot

),

fields as (

    select
        of_season,
        known_at,
        target,
        {{ ratio('sum(times)', 'sum(cars)', 'decimal(10, 9)') }} as rate
    from slots
    group by of_season, known_at, target

),

-- The rate of the field counts as some cars more. Of a slot that no earlier season had, it is all that is known.
predictions as (

    select
        starts.race_id,
        starts.driver_id,
        starts.known_at,
        starts.target,
        starts.baseline,
        {{ ratio(
            'coalesce(slots.times, 0) + ' ~ field_weight ~ ' * fields.rate',
            'coalesce(slots.cars, 0) + ' ~ field_weight,
            'decimal(8, 6)'
        ) }} as probability,
        starts.outcome
    from starts
    inner join fields
        on starts.season = fields.of_season
        and starts.known_at = fields.known_at
        and starts.target = fields.target
    left join slots
        on starts.season = slots.of_season
        and starts.known_at = slots.known_at
        and starts.target = slots.target
        and starts.slot = slots.slot
    union all
    select
        race_id,
        driver_id,
        'before_weekend' as known_at,
        'title' as target,
        'points_gap_softmax' as baseline,
        probability,
        outcome
    from title_baselines

),

final as (

    select
        predictions.race_id,
        races.race_name,
        races.race_date,
        races.season,
        races.round,
        predictions.driver_id,
        drivers.driver_name,
        predictions.known_at,
        predictions.target,
        predictions.baseline,
        cast(predictions.probability as decimal(10, 9)) as probability,
        predictions.outcome
    from predictions
    inner join races
        on predictions.race_id = races.race_id
    left join drivers
        on predictions.driver_id = drivers.driver_id
    where predictions.probability is not null

)

select * from final
