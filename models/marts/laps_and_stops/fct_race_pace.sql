{{ config(materialized='by_season', meta={'seasons_in_block': var('seasons_in_block')}) }}

with

race_laps as (

    select * from {{ ref('fct_race_laps') }}
    where is_green and not is_misfiled and {{ in_changed_seasons() }}

),

drivers as (

    select * from {{ ref('dim_drivers') }}

),

races as (

    select * from {{ ref('dim_races') }}
    where {{ in_changed_seasons() }}

),

-- All percentiles at once, from the lowest. Separate ones would each collect and order the laps.
percentiles as (

    select
        race_id,
        driver_id,
        season,
        round,
        cast(count(*) as integer) as green_laps,
        {%- set trimmed = var('trimmed_percent') | int / 100 %}
        {{ percentiles('lap_time_ms', [trimmed, 0.25, 0.5, 0.75, 1 - trimmed]) }} as laps_ms
    from race_laps
    group by race_id, driver_id, season, round
    having count(*) >= {{ var('race_pace_laps') }}

),

quartiles as (

    select
        race_id,
        driver_id,
        season,
        round,
        green_laps,
        {{ percentile_of('laps_ms', 1) }} as fastest_trimmed_ms,
        {{ percentile_of('laps_ms', 2) }} as lower_quartile_ms,
        {{ percentile_of('laps_ms', 3) }} as median_ms,
        {{ percentile_of('laps_ms', 4) }} as upper_quartile_ms,
        {{ percentile_of('laps_ms', 5) }} as slowest_trimmed_ms
    from percentiles

),

trimmed as (

    select
        quartiles.race_id,
        quartiles.driver_id,
        cast(round(cast(avg(race_laps.lap_time_ms) as decimal(20, 3))) as integer) as trimmed_mean_ms
    from quartiles
    inner join race_laps
        on quartiles.race_id = race_laps.race_id
        and quartiles.driver_id = race_laps.driver_id
        and race_laps.lap_time_ms between quartiles.fastest_trimmed_ms and quartiles.slowest_trimmed_ms
    group by quartiles.race_id, quartiles.driver_id

),

most_laps as (

    select
        race_id,
        max(green_laps) as most_green_laps
    from quartiles
    group by race_id

),

judged as (

    select
        quartiles.*,
        quartiles.green_laps * 100
        >= most_laps.most_green_laps * {{ var('representative_percent') }} as is_representative
    from quartiles
    inner join most_laps
        on quartiles.race_id = most_laps.race_id

),

best as (

    select
        race_id,
        min(median_ms) as best_median_ms
    from judged
    where is_representative
    group by race_id

),

final as (

    select
        judged.race_id,
        races.race_name,
        races.race_date,
        judged.driver_id,
        drivers.driver_name,
        judged.season,
        judged.round,
        judged.green_laps,
        judged.is_representative,
        judged.median_ms,
        trimmed.trimmed_mean_ms,
        cast(judged.median_ms * 100.0 / best.best_median_ms as decimal(7, 3)) as median_pct_of_best,
        cast((judged.upper_quartile_ms - judged.lower_quartile_ms) * 100.0 / judged.median_ms as decimal(7, 3))
            as interquartile_range_pct
    from judged
    inner join trimmed
        on judged.race_id = trimmed.race_id
        and judged.driver_id = trimmed.driver_id
    inner join best
        on judged.race_id = best.race_id
    left join drivers
        on judged.driver_id = drivers.driver_id
    left join races
        on judged.race_id = races.race_id

)

select * from final
