{{ config(materialized='by_season') }}

with

race_laps as (

    select * from {{ ref('fct_race_laps') }}
    where {{ in_changed_seasons() }}

),

safety_cars as (

    select * from {{ ref('fct_safety_cars') }}
    where {{ in_changed_seasons() }}

),

recorded_seasons as (

    select * from {{ ref('int_races__record_coverage') }}

),

field_laps as (

    select
        season,
        race_id,
        lap_number,
        max(case when is_field_slow then 1 else 0 end) as is_found,
        max(case when is_safety_car then 1 else 0 end) as is_recorded,
        max(case when is_virtual_safety_car then 1 else 0 end) as is_virtual,
        sum(case when is_red_flag_by_rule then 1 else 0 end) as laps_found,
        sum(case when is_red_flag then 1 else 0 end) as laps_recorded,
        sum(case when is_red_flag and is_red_flag_by_rule then 1 else 0 end) as laps_right
    from race_laps
    group by season, race_id, lap_number

),

-- The field is also slow on the lap on which the safety car comes out, and often on the one on which it goes in.
partial_laps as (

    select distinct
        field_laps.race_id,
        field_laps.lap_number
    from field_laps
    inner join safety_cars
        on field_laps.race_id = safety_cars.race_id
        and field_laps.lap_number >= safety_cars.deployed_lap
        and (safety_cars.is_to_the_end or field_laps.lap_number <= safety_cars.retreated_lap)

),

season_laps as (

    select
        field_laps.season,
        sum(field_laps.is_recorded) as safety_car_laps,
        sum(field_laps.is_recorded * field_laps.is_found) as safety_car_laps_found,
        sum(field_laps.is_found) as slow_laps,
        sum(case when partial_laps.race_id is not null then field_laps.is_found else 0 end) as slow_laps_right,
        sum(
            case
                when partial_laps.race_id is not null or field_laps.is_virtual = 1 then field_laps.is_found
                else 0
            end
        ) as slow_laps_explained,
        sum(field_laps.laps_recorded) as red_flag_laps,
        sum(field_laps.laps_right) as red_flag_laps_found,
        sum(field_laps.laps_found) as long_laps
    from field_laps
    left join partial_laps
        on field_laps.race_id = partial_laps.race_id
        and field_laps.lap_number = partial_laps.lap_number
    group by field_laps.season

),

unioned as (

    select
        season_laps.season,
        'slow field' as rule_of_thumb,
        'safety car' as recorded_as,
        season_laps.safety_car_laps as recorded_laps,
        season_laps.safety_car_laps_found as recorded_laps_found,
        season_laps.slow_laps as laps_found,
        season_laps.slow_laps_right as laps_found_right
    from season_laps
    inner join recorded_seasons
        on season_laps.season = recorded_seasons.season
    where recorded_seasons.has_safety_cars

    union all

    select
        season_laps.season,
        'slow field' as rule_of_thumb,
        'safety car or virtual safety car' as recorded_as,
        season_laps.safety_car_laps as recorded_laps,
        season_laps.safety_car_laps_found as recorded_laps_found,
        season_laps.slow_laps as laps_found,
        season_laps.slow_laps_explained as laps_found_right
    from season_laps
    inner join recorded_seasons
        on season_laps.season = recorded_seasons.season
    where recorded_seasons.has_safety_cars and recorded_seasons.has_virtual_safety_cars

    union all

    select
        season_laps.season,
        'lap above ten minutes' as rule_of_thumb,
        'red flag' as recorded_as,
        season_laps.red_flag_laps as recorded_laps,
        season_laps.red_flag_laps_found as recorded_laps_found,
        season_laps.long_laps as laps_found,
        season_laps.red_flag_laps_found as laps_found_right
    from season_laps
    inner join recorded_seasons
        on season_laps.season = recorded_seasons.season
    where recorded_seasons.has_red_flags

),

final as (

    select
        season,
        rule_of_thumb,
        recorded_as,
        cast(recorded_laps as integer) as recorded_laps,
        cast(recorded_laps_found as integer) as recorded_laps_found,
        cast(laps_found as integer) as laps_found,
        cast(laps_found_right as integer) as laps_found_right,
        {{ ratio('laps_found_right', 'laps_found', 'decimal(5, 4)') }} as precision_of_rule,
        {{ ratio('recorded_laps_found', 'recorded_laps', 'decimal(5, 4)') }} as recall_of_rule
    from unioned

)

select * from final
