with

seasons as (

    select * from {{ ref('int_careers__seasons') }}

),

marked as (

    select
        *,
        min(case when first_race_id is not null then season end) over career as first_start_season,
        max(case when last_race_id is not null then season end) over career as last_start_season,
        min(case when first_win_race_id is not null then season end) over career as first_win_season
    from seasons
    window career as (partition by championship, competitor_id)

),

final as (

    select
        championship,
        competitor_id,
        cast(count(*) as integer) as seasons,
        min(season) as first_season,
        max(season) as last_season,
        cast(sum(entries) as integer) as entries,
        cast(sum(starts) as integer) as starts,
        cast(sum(car_entries) as integer) as car_entries,
        cast(sum(car_starts) as integer) as car_starts,
        cast(sum(classified_finishes) as integer) as classified_finishes,
        cast(sum(finishes) as integer) as finishes,
        cast(sum(retirements) as integer) as retirements,
        cast(sum(accident_retirements) as integer) as accident_retirements,
        cast(sum(mechanical_retirements) as integer) as mechanical_retirements,
        cast(sum(disqualifications) as integer) as disqualifications,
        cast(count(*) filter (where is_champion) as integer) as titles,
        cast(sum(wins) as integer) as wins,
        cast(sum(podiums) as integer) as podiums,
        cast(sum(podium_places) as integer) as podium_places,
        cast(sum(poles) as integer) as poles,
        -- A count that is unknown in one season is unknown in all.
        cast(case when count(fastest_laps) = count(*) then sum(fastest_laps) end as integer) as fastest_laps,
        cast(sum(fastest_laps_at_least) as integer) as fastest_laps_at_least,
        cast(sum(races_with_fastest_lap) as integer) as races_with_fastest_lap,
        cast(sum(sprint_starts) as integer) as sprint_starts,
        cast(sum(sprint_wins) as integer) as sprint_wins,
        cast(sum(points) as decimal(10, 2)) as points,
        cast(sum(points_gross) as decimal(10, 2)) as points_gross,
        min(case when is_season_complete then championship_position end) as best_championship_position,
        min(best_finish) as best_finish,
        min(best_grid) as best_grid,
        cast(sum(laps_completed) as integer) as laps_completed,
        cast(case when count(laps_led) = count(*) then sum(laps_led) end as integer) as laps_led,
        cast(sum(laps_led_at_least) as integer) as laps_led_at_least,
        cast(sum(races_with_laps) as integer) as races_with_laps,
        max(case when season = first_start_season then first_race_id end) as first_race_id,
        max(case when season = last_start_season then last_race_id end) as last_race_id,
        max(case when season = first_win_season then first_win_race_id end) as first_win_race_id,
        min(case when is_champion then season end) as first_title_season,
        cast(sum(indianapolis_500_starts) as integer) as indianapolis_500_starts,
        cast(sum(indianapolis_500_wins) as integer) as indianapolis_500_wins,
        cast(sum(indianapolis_500_podiums) as integer) as indianapolis_500_podiums,
        cast(sum(indianapolis_500_poles) as integer) as indianapolis_500_poles
    from marked
    group by championship, competitor_id

)

select * from final
