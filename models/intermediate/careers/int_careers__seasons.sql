{{ config(materialized='by_season') }}

with

results as (

    select * from {{ ref('int_careers__results') }}
    where {{ in_changed_seasons() }}

),

standings as (

    select * from {{ ref('int_championship__official_standings') }}
    where is_latest_of_season

),

computed_standings as (

    select * from {{ ref('int_championship__reconciliation') }}
    where is_latest_of_season and {{ in_changed_seasons() }}

),

seasons as (

    select * from {{ ref('int_races__seasons') }}

),

-- A result counts for its driver and for its constructor. All cars of a driver count; drivers who shared a car are one
-- car of the constructor.
competitor_results as (

    select
        'drivers' as championship,
        driver_id as competitor_id,
        constructor_id as partner_id,
        true as is_car_counted,
        *
    from results

    union all

    select
        'constructors' as championship,
        constructor_id as competitor_id,
        driver_id as partner_id,
        is_first_of_car as is_car_counted,
        *
    from results

),

-- What ends in one way: the race of a driver, in however many cars, and each car of a constructor.
drives as (

    select
        'drivers' as championship,
        season,
        driver_id as competitor_id,
        bool_or(is_started) as is_started,
        bool_or(is_classified) as is_classified,
        bool_or(is_finished) as is_finished,
        bool_or(is_disqualified and is_first_of_driver) as is_disqualified,
        max(case when is_first_of_driver then retirement_kind end) as retirement_kind
    from results
    where session_type = 'race'
    group by season, race_id, driver_id

    union all

    select
        'constructors' as championship,
        season,
        constructor_id as competitor_id,
        is_started,
        is_classified,
        is_finished,
        is_disqualified,
        retirement_kind
    from results
    where session_type = 'race' and is_first_of_car

),

endings as (

    select
        *,
        case
            when not is_started then 'not started'
            when is_finished then 'finished'
            when is_disqualified then 'disqualified'
            else coalesce(retirement_kind, 'other')
        end as ending
    from drives

),

drive_totals as (

    select
        championship,
        season,
        competitor_id,
        cast(count(*) as integer) as car_entries,
        cast(count(*) filter (where ending <> 'not started') as integer) as car_starts,
        cast(count(*) filter (where is_classified) as integer) as classified_finishes,
        cast(count(*) filter (where ending = 'finished') as integer) as finishes,
        cast(count(*) filter (where ending in ('accident', 'mechanical', 'other')) as integer) as retirements,
        cast(count(*) filter (where ending = 'accident') as integer) as accident_retirements,
        cast(count(*) filter (where ending = 'mechanical') as integer) as mechanical_retirements,
        cast(count(*) filter (where ending = 'disqualified') as integer) as disqualifications
    from endings
    group by championship, season, competitor_id

),

-- However many cars a competitor had in a race, it is one entry, and at most one win.
races_of_competitors as (

    select
        championship,
        season,
        round,
        race_id,
        competitor_id,
        bool_or(is_indianapolis_500) as is_indianapolis_500,
        bool_or(is_started and session_type = 'race') as is_started,
        min(case when session_type = 'race' then finishing_position end) as finishing_position,
        min(case when session_type = 'race' then grid_position end) as grid_position,
        count(
            distinct case when session_type = 'race' and finishing_position <= 3 then finishing_position end
        ) as podium_places,
        bool_or(is_pole) as is_pole,
        bool_or(is_fastest_lap_known) as is_fastest_lap_known,
        bool_or(is_fastest_lap) as is_fastest_lap,
        bool_or(is_laps_known) as is_laps_known,
        sum(laps_led) as laps_led,
        sum(case when session_type = 'race' and is_car_counted then laps_completed else 0 end) as laps_completed,
        bool_or(is_started and session_type = 'sprint') as is_sprint_started,
        coalesce(min(case when session_type = 'sprint' then finishing_position end) = 1, false) as is_sprint_win,
        sum(points) as points
    from competitor_results
    group by championship, season, round, race_id, competitor_id

),

judged as (

    select
        *,
        coalesce(finishing_position = 1, false) as is_win,
        coalesce(finishing_position <= 3, false) as is_podium,
        min(case when is_started then round end) over season_of_competitor as first_round,
        max(case when is_started then round end) over season_of_competitor as last_round,
        min(case when finishing_position = 1 then round end) over season_of_competitor as first_win_round
    from races_of_competitors
    window season_of_competitor as (partition by championship, season, competitor_id)

),

race_totals as (

    select
        championship,
        season,
        competitor_id,
        cast(count(*) as integer) as entries,
        cast(count(*) filter (where is_started) as integer) as starts,
        cast(count(*) filter (where is_win) as integer) as wins,
        cast(count(*) filter (where is_podium) as integer) as podiums,
        cast(sum(podium_places) as integer) as podium_places,
        cast(count(*) filter (where is_pole) as integer) as poles,
        cast(count(*) filter (where is_fastest_lap) as integer) as fastest_laps,
        cast(count(*) filter (where is_fastest_lap_known) as integer) as races_with_fastest_lap,
        count(*) filter (where is_started and not is_fastest_lap_known) as starts_without_fastest_lap,
        cast(count(*) filter (where is_sprint_started) as integer) as sprint_starts,
        cast(count(*) filter (where is_sprint_win) as integer) as sprint_wins,
        cast(sum(points) as decimal(8, 2)) as points_gross,
        min(finishing_position) as best_finish,
        min(grid_position) as best_grid,
        cast(sum(laps_completed) as integer) as laps_completed,
        cast(sum(laps_led) as integer) as laps_led,
        cast(count(*) filter (where is_laps_known) as integer) as races_with_laps,
        count(*) filter (where is_started and not is_laps_known) as starts_without_laps,
        max(case when round = first_round then race_id end) as first_race_id,
        max(case when round = last_round then race_id end) as last_race_id,
        max(case when round = first_win_round then race_id end) as first_win_race_id,
        cast(count(*) filter (where is_indianapolis_500 and is_started) as integer) as indianapolis_500_starts,
        cast(count(*) filter (where is_indianapolis_500 and is_win) as integer) as indianapolis_500_wins,
        cast(count(*) filter (where is_indianapolis_500 and is_podium) as integer) as indianapolis_500_podiums,
        cast(count(*) filter (where is_indianapolis_500 and is_pole) as integer) as indianapolis_500_poles
    from judged
    group by championship, season, competitor_id

),

partners as (

    select
        championship,
        season,
        competitor_id,
        cast(count(distinct partner_id) as integer) as partners
    from competitor_results
    group by championship, season, competitor_id

),

seasons_with_standings as (

    select distinct
        championship,
        season
    from standings

),

-- The source numbers excluded competitors too; their position text is a letter. A season without a table of the source
-- takes the computed one.
placed as (

    select
        championship,
        season,
        competitor_id,
        points,
        case when position_text = cast(position as {{ dbt.type_string() }}) then position end as championship_position
    from standings

    union all

    select
        computed_standings.championship,
        computed_standings.season,
        computed_standings.competitor_id,
        computed_standings.points_counted as points,
        case when not computed_standings.is_excluded then computed_standings.championship_position end
            as championship_position
    from computed_standings
    left join seasons_with_standings
        on computed_standings.championship = seasons_with_standings.championship
        and computed_standings.season = seasons_with_standings.season
    where seasons_with_standings.season is null

),

seasons_with_tables as (

    select distinct
        championship,
        season
    from placed

),

final as (

    select
        race_totals.championship,
        race_totals.season,
        race_totals.competitor_id,
        seasons.is_complete as is_season_complete,
        partners.partners,
        race_totals.entries,
        race_totals.starts,
        coalesce(drive_totals.car_entries, 0) as car_entries,
        coalesce(drive_totals.car_starts, 0) as car_starts,
        coalesce(drive_totals.classified_finishes, 0) as classified_finishes,
        coalesce(drive_totals.finishes, 0) as finishes,
        coalesce(drive_totals.retirements, 0) as retirements,
        coalesce(drive_totals.accident_retirements, 0) as accident_retirements,
        coalesce(drive_totals.mechanical_retirements, 0) as mechanical_retirements,
        coalesce(drive_totals.disqualifications, 0) as disqualifications,
        race_totals.wins,
        race_totals.podiums,
        race_totals.podium_places,
        race_totals.poles,
        case when race_totals.starts_without_fastest_lap = 0 then race_totals.fastest_laps end as fastest_laps,
        case
            when race_totals.starts_without_fastest_lap = 0 or race_totals.races_with_fastest_lap > 0
                then race_totals.fastest_laps
        end as fastest_laps_at_least,
        race_totals.races_with_fastest_lap,
        race_totals.sprint_starts,
        race_totals.sprint_wins,
        cast(
            case when seasons_with_tables.season is not null then coalesce(placed.points, 0) end as decimal(8, 2)
        ) as points,
        race_totals.points_gross,
        placed.championship_position,
        coalesce(seasons.is_complete and placed.championship_position = 1, false) as is_champion,
        race_totals.best_finish,
        race_totals.best_grid,
        race_totals.laps_completed,
        case when race_totals.starts_without_laps = 0 then race_totals.laps_led end as laps_led,
        case
            when race_totals.starts_without_laps = 0 or race_totals.races_with_laps > 0 then race_totals.laps_led
        end as laps_led_at_least,
        race_totals.races_with_laps,
        race_totals.first_race_id,
        race_totals.last_race_id,
        race_totals.first_win_race_id,
        race_totals.indianapolis_500_starts,
        race_totals.indianapolis_500_wins,
        race_totals.indianapolis_500_podiums,
        race_totals.indianapolis_500_poles
    from race_totals
    inner join partners
        on race_totals.championship = partners.championship
        and race_totals.season = partners.season
        and race_totals.competitor_id = partners.competitor_id
    inner join seasons
        on race_totals.season = seasons.season
    left join drive_totals
        on race_totals.championship = drive_totals.championship
        and race_totals.season = drive_totals.season
        and race_totals.competitor_id = drive_totals.competitor_id
    left join seasons_with_tables
        on race_totals.championship = seasons_with_tables.championship
        and race_totals.season = seasons_with_tables.season
    left join placed
        on race_totals.championship = placed.championship
        and race_totals.season = placed.season
        and race_totals.competitor_id = placed.competitor_id

)

select * from final
