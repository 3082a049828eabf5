{{ config(materialized='by_season') }}

with

results as (

    select * from {{ ref('int_careers__results') }}
    where {{ in_changed_seasons() }}

),

standings as (

    select * from {{ ref('fct_constructor_standings') }}
    where is_latest_of_season and {{ in_changed_seasons() }}

),

seasons as (

    select * from {{ ref('dim_seasons') }}
    where {{ in_changed_seasons() }}

),

seasons_with_standings as (

    select distinct season from standings

),

constructor_drivers as (

    select
        season,
        constructor_id,
        count(distinct driver_id) as drivers
    from results
    group by season, constructor_id

),

-- Cars are counted once each, whoever shared them; places on the podium too.
races_of_constructors as (

    select
        season,
        round,
        race_id,
        constructor_id,
        bool_or(is_indianapolis_500) as is_indianapolis_500,
        bool_or(is_started and session_type = 'race') as is_started,
        count(*) filter (where is_first_of_car and session_type = 'race') as car_entries,
        count(*) filter (where is_first_of_car and is_started and session_type = 'race') as car_starts,
        count(*) filter (where is_first_of_car and is_classified and session_type = 'race') as classified_finishes,
        count(*) filter (
            where is_first_of_car and is_started and is_finished and session_type = 'race'
        ) as finishes,
        count(*) filter (where is_first_of_car and is_disqualified and session_type = 'race') as disqualifications,
        count(*) filter (
            where is_first_of_car and retirement_kind is not null and session_type = 'race'
        ) as retirements,
        count(*) filter (
            where is_first_of_car and retirement_kind = 'accident' and session_type = 'race'
        ) as accident_retirements,
        count(*) filter (
            where is_first_of_car and retirement_kind = 'mechanical' and session_type = 'race'
        ) as mechanical_retirements,
        count(distinct case
            when session_type = 'race' and finishing_position <= 3 then finishing_position
        end) as podium_places,
        min(case when session_type = 'race' then finishing_position end) as finishing_position,
        min(case when session_type = 'race' then grid_position end) as grid_position,
        bool_or(is_pole) as is_pole,
        bool_or(is_fastest_lap_known) as is_fastest_lap_known,
        bool_or(is_fastest_lap) as is_fastest_lap,
        bool_or(is_laps_known) as is_laps_known,
        sum(laps_led) as laps_led,
        sum(case when is_first_of_car and session_type = 'race' then laps_completed else 0 end) as laps_completed,
        bool_or(is_started and session_type = 'sprint') as is_sprint_started,
        coalesce(min(case when session_type = 'sprint' then finishing_position end) = 1, false) as is_sprint_win,
        sum(points) as points
    from results
    group by season, round, race_id, constructor_id

),

judged as (

    select
        *,
        coalesce(finishing_position = 1, false) as is_win,
        coalesce(finishing_position <= 3, false) as is_podium,
        min(case when is_started then round end) over (partition by season, constructor_id) as first_round,
        max(case when is_started then round end) over (partition by season, constructor_id) as last_round,
        min(case when finishing_position = 1 then round end) over (
            partition by season, constructor_id
        ) as first_win_round
    from races_of_constructors

),

totals as (

    select
        season,
        constructor_id,
        count(*) as entries,
        count(*) filter (where is_started) as starts,
        sum(car_entries) as car_entries,
        sum(car_starts) as car_starts,
        sum(classified_finishes) as classified_finishes,
        sum(finishes) as finishes,
        sum(disqualifications) as disqualifications,
        sum(retirements) as retirements,
        sum(accident_retirements) as accident_retirements,
        sum(mechanical_retirements) as mechanical_retirements,
        count(*) filter (where is_win) as wins,
        count(*) filter (where is_podium) as podiums,
        sum(podium_places) as podium_places,
        count(*) filter (where is_pole) as poles,
        count(*) filter (where is_fastest_lap) as fastest_laps,
        count(*) filter (where is_fastest_lap_known) as races_with_fastest_lap,
        count(*) filter (where is_sprint_started) as sprint_starts,
        count(*) filter (where is_sprint_win) as sprint_wins,
        sum(points) as points_gross,
        min(finishing_position) as best_finish,
        min(grid_position) as best_grid,
        sum(laps_completed) as laps_completed,
        sum(laps_led) as laps_led,
        count(*) filter (where is_laps_known) as races_with_laps,
        max(case when round = first_round then race_id end) as first_race_id,
        max(case when round = last_round then race_id end) as last_race_id,
        max(case when round = first_win_round then race_id end) as first_win_race_id,
        count(*) filter (where is_indianapolis_500 and is_started) as indianapolis_500_starts,
        count(*) filter (where is_indianapolis_500 and is_win) as indianapolis_500_wins,
        count(*) filter (where is_indianapolis_500 and is_podium) as indianapolis_500_podiums,
        count(*) filter (where is_indianapolis_500 and is_pole) as indianapolis_500_poles
    from judged
    group by season, constructor_id

),

-- The place of a constructor that was excluded has a number in the source all the same, and a letter as its text.
placed as (

    select
        standings.season,
        standings.constructor_id,
        standings.points,
        case
            when standings.position_text = cast(standings.position as {{ dbt.type_string() }}) then standings.position
        end as championship_position
    from standings

),

final as (

    select
        totals.season,
        totals.constructor_id,
        seasons.is_complete as is_season_complete,
        cast(constructor_drivers.drivers as integer) as drivers,
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
        cast(totals.wins as integer) as wins,
        cast(totals.podiums as integer) as podiums,
        cast(totals.podium_places as integer) as podium_places,
        cast(totals.poles as integer) as poles,
        case when totals.races_with_fastest_lap > 0 then cast(totals.fastest_laps as integer) end as fastest_laps,
        cast(totals.races_with_fastest_lap as integer) as races_with_fastest_lap,
        cast(totals.sprint_starts as integer) as sprint_starts,
        cast(totals.sprint_wins as integer) as sprint_wins,
        cast(
            case when seasons_with_standings.season is not null then coalesce(placed.points, 0) end as decimal(8, 2)
        ) as points,
        cast(totals.points_gross as decimal(8, 2)) as points_gross,
        placed.championship_position,
        coalesce(seasons.is_complete and placed.championship_position = 1, false) as is_champion,
        totals.best_finish,
        totals.best_grid,
        cast(totals.laps_completed as integer) as laps_completed,
        case when totals.races_with_laps > 0 then cast(totals.laps_led as integer) end as laps_led,
        cast(totals.races_with_laps as integer) as races_with_laps,
        totals.first_race_id,
        totals.last_race_id,
        totals.first_win_race_id,
        cast(totals.indianapolis_500_starts as integer) as indianapolis_500_starts,
        cast(totals.indianapolis_500_wins as integer) as indianapolis_500_wins,
        cast(totals.indianapolis_500_podiums as integer) as indianapolis_500_podiums,
        cast(totals.indianapolis_500_poles as integer) as indianapolis_500_poles
    from totals
    inner join constructor_drivers
        on totals.season = constructor_drivers.season
        and totals.constructor_id = constructor_drivers.constructor_id
    inner join seasons
        on totals.season = seasons.season
    left join seasons_with_standings
        on totals.season = seasons_with_standings.season
    left join placed
        on totals.season = placed.season
        and totals.constructor_id = placed.constructor_id

)

select * from final
