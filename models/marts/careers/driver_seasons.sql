{{ config(materialized='by_season') }}

with

results as (

    select * from {{ ref('int_careers__results') }}
    where {{ in_changed_seasons() }}

),

standings as (

    select * from {{ ref('fct_driver_standings') }}
    where is_latest_of_season and {{ in_changed_seasons() }}

),

seasons as (

    select * from {{ ref('dim_seasons') }}
    where {{ in_changed_seasons() }}

),

seasons_with_standings as (

    select distinct season from standings

),

driver_constructors as (

    select
        season,
        driver_id,
        count(distinct constructor_id) as constructors
    from results
    group by season, driver_id

),

-- A driver may have had several cars in a race: he entered it once, and won it once.
races_of_drivers as (

    select
        season,
        round,
        race_id,
        driver_id,
        bool_or(is_indianapolis_500) as is_indianapolis_500,
        bool_or(is_started and session_type = 'race') as is_started,
        bool_or(is_classified and session_type = 'race') as is_classified,
        bool_or(is_finished and session_type = 'race') as is_finished,
        bool_or(is_disqualified and is_first_of_driver and session_type = 'race') as is_disqualified,
        max(case when is_first_of_driver and session_type = 'race' then retirement_kind end) as retirement_kind,
        min(case when session_type = 'race' then finishing_position end) as finishing_position,
        min(case when session_type = 'race' then grid_position end) as grid_position,
        bool_or(is_pole) as is_pole,
        bool_or(is_fastest_lap_known) as is_fastest_lap_known,
        bool_or(is_fastest_lap) as is_fastest_lap,
        bool_or(is_laps_known) as is_laps_known,
        sum(laps_led) as laps_led,
        sum(case when session_type = 'race' then laps_completed else 0 end) as laps_completed,
        bool_or(is_started and session_type = 'sprint') as is_sprint_started,
        coalesce(min(case when session_type = 'sprint' then finishing_position end) = 1, false) as is_sprint_win,
        sum(points) as points
    from results
    group by season, round, race_id, driver_id

),

judged as (

    select
        *,
        coalesce(finishing_position = 1, false) as is_win,
        coalesce(finishing_position <= 3, false) as is_podium,
        is_started and not is_finished and not is_disqualified as is_retired,
        min(case when is_started then round end) over (partition by season, driver_id) as first_round,
        max(case when is_started then round end) over (partition by season, driver_id) as last_round,
        min(case when finishing_position = 1 then round end) over (partition by season, driver_id) as first_win_round
    from races_of_drivers

),

totals as (

    select
        season,
        driver_id,
        count(*) as entries,
        count(*) filter (where is_started) as starts,
        count(*) filter (where is_classified) as classified_finishes,
        count(*) filter (where is_started and is_finished) as finishes,
        count(*) filter (where is_started and not is_finished and is_disqualified) as disqualifications,
        count(*) filter (where is_retired) as retirements,
        count(*) filter (where is_retired and retirement_kind = 'accident') as accident_retirements,
        count(*) filter (where is_retired and retirement_kind = 'mechanical') as mechanical_retirements,
        count(*) filter (where is_win) as wins,
        count(*) filter (where is_podium) as podiums,
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
    group by season, driver_id

),

-- The place of a driver who was excluded has a number in the source all the same, and a letter as its text.
placed as (

    select
        standings.season,
        standings.driver_id,
        standings.points,
        case
            when standings.position_text = cast(standings.position as {{ dbt.type_string() }}) then standings.position
        end as championship_position
    from standings

),

final as (

    select
        totals.season,
        totals.driver_id,
        seasons.is_complete as is_season_complete,
        cast(driver_constructors.constructors as integer) as constructors,
        cast(totals.entries as integer) as entries,
        cast(totals.starts as integer) as starts,
        cast(totals.classified_finishes as integer) as classified_finishes,
        cast(totals.finishes as integer) as finishes,
        cast(totals.retirements as integer) as retirements,
        cast(totals.accident_retirements as integer) as accident_retirements,
        cast(totals.mechanical_retirements as integer) as mechanical_retirements,
        cast(totals.disqualifications as integer) as disqualifications,
        cast(totals.wins as integer) as wins,
        cast(totals.podiums as integer) as podiums,
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
    inner join driver_constructors
        on totals.season = driver_constructors.season
        and totals.driver_id = driver_constructors.driver_id
    inner join seasons
        on totals.season = seasons.season
    left join seasons_with_standings
        on totals.season = seasons_with_standings.season
    left join placed
        on totals.season = placed.season
        and totals.driver_id = placed.driver_id

)

select * from final
