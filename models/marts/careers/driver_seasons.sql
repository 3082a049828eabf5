{{ config(materialized=by_season()) }}

with

seasons as (

    select * from {{ ref('int_careers__seasons') }}
    where championship = 'drivers' and {{ in_changed_seasons() }}

),

final as (

    select
        season,
        competitor_id as driver_id,
        is_season_complete,
        partners as constructors,
        entries,
        starts,
        classified_finishes,
        finishes,
        retirements,
        accident_retirements,
        mechanical_retirements,
        disqualifications,
        wins,
        podiums,
        poles,
        fastest_laps,
        races_with_fastest_lap,
        sprint_starts,
        sprint_wins,
        points,
        points_gross,
        championship_position,
        is_champion,
        best_finish,
        best_grid,
        laps_completed,
        laps_led,
        races_with_laps,
        first_race_id,
        last_race_id,
        first_win_race_id,
        indianapolis_500_starts,
        indianapolis_500_wins,
        indianapolis_500_podiums,
        indianapolis_500_poles
    from seasons

)

select * from final
