-- Seasons that differ from the facts, which are counted in another way here: results, laps led and champions.
with

race_results as (

    select * from {{ ref('fct_race_results') }}
    where {{ in_changed_seasons() }}

),

sprint_results as (

    select * from {{ ref('fct_sprint_results') }}
    where {{ in_changed_seasons() }}

),

lap_times as (

    select * from {{ ref('fct_lap_times') }}
    where {{ in_changed_seasons() }}

),

driver_standings as (

    select * from {{ ref('fct_driver_standings') }}
    where {{ in_changed_seasons() }}

),

driver_seasons as (

    select * from {{ ref('driver_seasons') }}
    where {{ in_changed_seasons() }}

),

constructor_seasons as (

    select * from {{ ref('constructor_seasons') }}
    where {{ in_changed_seasons() }}

),

results as (

    select
        season,
        race_id,
        driver_id,
        constructor_id,
        is_started,
        is_win,
        is_podium,
        is_pole,
        false as is_sprint_win,
        points
    from race_results

    union all

    select
        season,
        race_id,
        driver_id,
        constructor_id,
        false as is_started,
        false as is_win,
        false as is_podium,
        false as is_pole,
        is_win as is_sprint_win,
        points
    from sprint_results

),

{% for kind in ['driver', 'constructor'] -%}
{{ kind }}_counts as (

    select
        season,
        {{ kind }}_id,
        count(distinct race_id) as entries,
        count(distinct case when is_started then race_id end) as starts,
        count(distinct case when is_win then race_id end) as wins,
        count(distinct case when is_podium then race_id end) as podiums,
        count(distinct case when is_pole then race_id end) as poles,
        count(distinct case when is_sprint_win then race_id end) as sprint_wins,
        sum(points) as points_gross
    from results
    group by season, {{ kind }}_id

),

{{ kind }}_differences as (

    select
        '{{ kind }}' as what,
        coalesce({{ kind }}_counts.season, {{ kind }}_seasons.season) as season
    from {{ kind }}_counts
    full outer join {{ kind }}_seasons
        on {{ kind }}_counts.season = {{ kind }}_seasons.season
        and {{ kind }}_counts.{{ kind }}_id = {{ kind }}_seasons.{{ kind }}_id
    where
        {{ kind }}_counts.entries is distinct from {{ kind }}_seasons.entries
        or {{ kind }}_counts.starts is distinct from {{ kind }}_seasons.starts
        or {{ kind }}_counts.wins is distinct from {{ kind }}_seasons.wins
        or {{ kind }}_counts.podiums is distinct from {{ kind }}_seasons.podiums
        or {{ kind }}_counts.poles is distinct from {{ kind }}_seasons.poles
        or {{ kind }}_counts.sprint_wins is distinct from {{ kind }}_seasons.sprint_wins
        or {{ kind }}_counts.points_gross is distinct from {{ kind }}_seasons.points_gross

),

{% endfor -%}
race_distances as (

    select
        race_id,
        max(laps_completed) as laps
    from race_results
    group by race_id

),

laps_counted as (

    select
        lap_times.season,
        count(*) filter (where lap_times.position = 1) as laps_led
    from lap_times
    inner join race_distances
        on lap_times.race_id = race_distances.race_id
        and lap_times.lap_number <= race_distances.laps
    group by lap_times.season

),

laps_of_drivers as (

    select
        season,
        sum(laps_led_at_least) as laps_led
    from driver_seasons
    group by season

),

laps_of_constructors as (

    select
        season,
        sum(laps_led_at_least) as laps_led
    from constructor_seasons
    group by season

),

lap_differences as (

    select
        'laps led' as what,
        laps_of_drivers.season
    from laps_of_drivers
    inner join laps_of_constructors
        on laps_of_drivers.season = laps_of_constructors.season
    left join laps_counted
        on laps_of_drivers.season = laps_counted.season
    where
        coalesce(laps_of_drivers.laps_led, 0) <> coalesce(laps_counted.laps_led, 0)
        or coalesce(laps_of_drivers.laps_led, 0) <> coalesce(laps_of_constructors.laps_led, 0)

),

seasons_with_standings as (

    select distinct season from driver_standings

),

champions as (

    select
        driver_seasons.season,
        count(*) filter (where driver_seasons.is_champion) as champions,
        max(case when driver_seasons.is_season_complete then 1 else 0 end) as expected
    from driver_seasons
    inner join seasons_with_standings
        on driver_seasons.season = seasons_with_standings.season
    group by driver_seasons.season

),

champion_differences as (

    select
        'champions' as what,
        season
    from champions
    where champions <> expected

),

final as (

    select * from driver_differences

    union all

    select * from constructor_differences

    union all

    select * from lap_differences

    union all

    select * from champion_differences

)

select * from final
