with

constructor_seasons as (

    select * from {{ ref('constructor_seasons') }}

),

marked as (

    select
        *,
        min(case when first_race_id is not null then season end) over (
            partition by constructor_id
        ) as first_start_season,
        max(case when last_race_id is not null then season end) over (
            partition by constructor_id
        ) as last_start_season,
        min(case when first_win_race_id is not null then season end) over (
            partition by constructor_id
        ) as first_win_season
    from constructor_seasons

),

totals as (

    select
        constructor_id,
        count(*) as seasons,
        min(season) as first_season,
        max(season) as last_season,
        sum(entries) as entries,
        sum(starts) as starts,
        sum(car_entries) as car_entries,
        sum(car_starts) as car_starts,
        sum(classified_finishes) as classified_finishes,
        sum(finishes) as finishes,
        sum(retirements) as retirements,
        sum(accident_retirements) as accident_retirements,
        sum(mechanical_retirements) as mechanical_retirements,
        sum(disqualifications) as disqualifications,
        sum(wins) as wins,
        sum(podiums) as podiums,
        sum(podium_places) as podium_places,
        sum(poles) as poles,
        sum(fastest_laps) as fastest_laps,
        sum(races_with_fastest_lap) as races_with_fastest_lap,
        sum(sprint_starts) as sprint_starts,
        sum(sprint_wins) as sprint_wins,
        sum(points) as points,
        sum(points_gross) as points_gross,
        count(*) filter (where is_champion) as titles,
        min(case when is_season_complete then championship_position end) as best_championship_position,
        min(best_finish) as best_finish,
        min(best_grid) as best_grid,
        sum(laps_completed) as laps_completed,
        sum(laps_led) as laps_led,
        sum(races_with_laps) as races_with_laps,
        max(case when season = first_start_season then first_race_id end) as first_race_id,
        max(case when season = last_start_season then last_race_id end) as last_race_id,
        max(case when season = first_win_season then first_win_race_id end) as first_win_race_id,
        min(case when is_champion then season end) as first_title_season,
        sum(indianapolis_500_starts) as indianapolis_500_starts,
        sum(indianapolis_500_wins) as indianapolis_500_wins,
        sum(indianapolis_500_podiums) as indianapolis_500_podiums,
        sum(indianapolis_500_poles) as indianapolis_500_poles
    from marked
    group by constructor_id

),

final as (

    select
        totals.constructor_id,
        cast(totals.seasons as integer) as seasons,
        totals.first_season,
        totals.last_season,
        cast(totals.entries as integer) as entries,
        cast(totals.starts as integer) as starts,
        cast(totals.car_entries as integer) as car_entries,
        cast(totals.car_starts as integer) as car_starts,
        cast(totals.classified_finishes as integer) as classified_finishes,
        cast(totals.finishes as integer) as finishes,
        cast(totals.retirements as integer) as retirements,
        cast(totals.accident_retirements as integer) as accident_retirements,
        cast(totals.mechanical_retirements as integer) as mechanical_retirements,
        cast(totals.disqualifications as integer) as disqualifications,
        cast(totals.titles as integer) as titles,
        cast(totals.wins as integer) as wins,
        cast(totals.podiums as integer) as podiums,
        cast(totals.podium_places as integer) as podium_places,
        cast(totals.poles as integer) as poles,
        cast(totals.fastest_laps as integer) as fastest_laps,
        cast(totals.races_with_fastest_lap as integer) as races_with_fastest_lap,
        cast(totals.sprint_starts as integer) as sprint_starts,
        cast(totals.sprint_wins as integer) as sprint_wins,
        cast(totals.points as decimal(10, 2)) as points,
        cast(totals.points_gross as decimal(10, 2)) as points_gross,
        totals.best_championship_position,
        totals.best_finish,
        totals.best_grid,
        cast(totals.laps_completed as integer) as laps_completed,
        cast(totals.laps_led as integer) as laps_led,
        cast(totals.races_with_laps as integer) as races_with_laps,
        totals.first_race_id,
        totals.last_race_id,
        totals.first_win_race_id,
        totals.first_title_season,
        cast(totals.indianapolis_500_starts as integer) as indianapolis_500_starts,
        cast(totals.indianapolis_500_wins as integer) as indianapolis_500_wins,
        cast(totals.indianapolis_500_podiums as integer) as indianapolis_500_podiums,
        cast(totals.indianapolis_500_poles as integer) as indianapolis_500_poles
    from totals

)

select * from final
