with

careers as (

    select * from {{ ref('int_careers__careers') }}
    where championship = 'constructors'

),

final as (

    select
        competitor_id as constructor_id,
        seasons,
        first_season,
        last_season,
        entries,
        starts,
        car_entries,
        car_starts,
        classified_finishes,
        finishes,
        retirements,
        accident_retirements,
        mechanical_retirements,
        disqualifications,
        titles,
        wins,
        podiums,
        podium_places,
        poles,
        fastest_laps,
        races_with_fastest_lap,
        sprint_starts,
        sprint_wins,
        points,
        points_gross,
        best_championship_position,
        best_finish,
        best_grid,
        laps_completed,
        laps_led,
        races_with_laps,
        first_race_id,
        last_race_id,
        first_win_race_id,
        first_title_season,
        indianapolis_500_starts,
        indianapolis_500_wins,
        indianapolis_500_podiums,
        indianapolis_500_poles
    from careers

)

select * from final
