{{ config(materialized='by_season') }}

with

results as (

    select * from {{ ref('int_results__race_and_sprint_results') }}
    where time_ms is not null

),

races as (

    select * from {{ ref('stg_ergast__races') }}

),

driven_laps as (

    select * from {{ ref('int_laps__driven') }}

),

driver_laps as (

    select * from {{ ref('int_laps__by_driver') }}
    where {{ in_changed_seasons() }}

),

pit_stops as (

    select * from {{ ref('stg_ergast__pit_stops') }}
    where local_time_of_day like '__:__:__' and translate(local_time_of_day, '0123456789', '') = '::'

),

race_time_exceptions as (

    select * from {{ ref('race_time_exceptions') }}

),

-- The clock on the wall. A stop on lap n happened between the ends of the laps n - 1 and n, so that the sums of these
-- laps say between which times of day the race started.
stop_clocks as (

    select
        driven_laps.season,
        pit_stops.race_id,
        pit_stops.driver_id,
        pit_stops.stop_number,
        {{ duration_to_ms('pit_stops.local_time_of_day') }} - sum(driven_laps.lap_time_ms) as earliest_start_ms,
        {{ duration_to_ms('pit_stops.local_time_of_day') }}
        - sum(case when driven_laps.lap_number < pit_stops.lap_number then driven_laps.lap_time_ms else 0 end)
            as latest_start_ms
    from pit_stops
    inner join driven_laps
        on pit_stops.race_id = driven_laps.race_id
        and pit_stops.driver_id = driven_laps.actual_driver_id
        and pit_stops.lap_number >= driven_laps.lap_number
    group by
        driven_laps.season,
        pit_stops.race_id,
        pit_stops.driver_id,
        pit_stops.stop_number,
        pit_stops.lap_number,
        pit_stops.local_time_of_day
    having count(*) = pit_stops.lap_number

),

race_clocks as (

    select
        season,
        race_id,
        min(earliest_start_ms) as first_start_ms,
        max(earliest_start_ms) as last_start_ms,
        max(earliest_start_ms) - min(latest_start_ms) as lost_at_least_ms
    from stop_clocks
    group by season, race_id

),

lost_hours as (

    select
        race_clocks.season,
        race_clocks.race_id,
        cast(round((race_clocks.last_start_ms - race_clocks.first_start_ms) / 3600000.0) as integer) as hours
    from race_clocks
    inner join stop_clocks
        on race_clocks.race_id = stop_clocks.race_id
    where race_clocks.lost_at_least_ms > {{ var('red_flag_ms') }}
    group by
        race_clocks.season,
        race_clocks.race_id,
        race_clocks.first_start_ms,
        race_clocks.last_start_ms
    having
        round((race_clocks.last_start_ms - race_clocks.first_start_ms) / 3600000.0)
        between 1 and {{ var('longest_race_hours') }}
        and abs(
            race_clocks.last_start_ms - race_clocks.first_start_ms
            - 3600000 * round((race_clocks.last_start_ms - race_clocks.first_start_ms) / 3600000.0)
        ) <= {{ var('pit_stop_clock_tolerance_ms') }}
        -- A wrong time of day of one stop is no lost hour.
        and count(*) filter (where stop_clocks.earliest_start_ms - race_clocks.first_start_ms <= 1800000)
        >= {{ var('pit_stop_clock_stops') }}
        and count(*) filter (where stop_clocks.earliest_start_ms - race_clocks.first_start_ms > 1800000)
        >= {{ var('pit_stop_clock_stops') }}

),

timed as (

    select
        results.*,
        races.season,
        races.round,
        min(case when results.position_text = '1' then results.time_ms end) over (
            partition by races.season, results.session_type, results.race_id
        ) as winner_time_ms,
        count(*) over (
            partition by races.season, results.session_type, results.race_id, results.time_ms
        ) as results_with_time,
        count(*) over (
            partition by races.season, results.session_type, results.race_id, results.time_ms, results.position_text
        ) as results_with_time_and_place,
        case
            when results.time_text like '+%' then {{ duration_to_ms('results.time_text') }}
        end as gap_text_ms
    from results
    inner join races
        on results.race_id = races.race_id

),

-- The cars ahead and behind by the classification.
compared as (

    select
        *,
        time_ms - winner_time_ms as gap_ms,
        lag(time_ms - winner_time_ms) over neighbours as gap_ahead_ms,
        lead(time_ms - winner_time_ms) over neighbours as gap_behind_ms
    from timed
    where position_text not in ('R', 'D', 'E', 'F', 'N', 'W')
    window neighbours as (
        partition by season, session_type, race_id
        order by cast(position_text as integer) asc, result_id asc
    )

),

-- What each rule gives, if it applies.
candidates as (

    select
        compared.session_type,
        compared.result_id,
        compared.race_id,
        compared.season,
        compared.time_ms as source_time_ms,
        race_time_exceptions.winner_time_ms + compared.gap_ms as record_books_ms,
        case
            when abs(driver_laps.laps_ms - compared.time_ms) < 1800000
                then compared.time_ms + lost_hours.hours * 3600000
        end as pit_stop_clock_ms,
        case
            when
                driver_laps.laps = compared.laps_completed
                and driver_laps.laps_ms - compared.time_ms > {{ var('lap_sum_tolerance_ms') }}
                and abs(
                    driver_laps.laps_ms - compared.time_ms
                    - 60000 * round((driver_laps.laps_ms - compared.time_ms) / 60000.0)
                ) <= {{ var('lap_sum_tolerance_ms') }}
                then driver_laps.laps_ms
        end as laps_ms,
        case
            when
                compared.results_with_time > compared.results_with_time_and_place
                and compared.gap_text_ms > compared.gap_ms
                and (compared.gap_behind_ms is null or compared.gap_text_ms <= compared.gap_behind_ms)
                then compared.winner_time_ms + compared.gap_text_ms
        end as gap_text_ms,
        case
            when
                compared.gap_ms < compared.gap_ahead_ms
                and compared.gap_ahead_ms + compared.gap_ms <= compared.gap_behind_ms
                then compared.winner_time_ms + compared.gap_ahead_ms + compared.gap_ms
        end as gap_to_car_ahead_ms
    from compared
    left join race_time_exceptions
        on compared.session_type = 'race'
        and compared.season = race_time_exceptions.season
        and compared.round = race_time_exceptions.round
        and compared.winner_time_ms = race_time_exceptions.source_winner_time_ms
    left join lost_hours
        on compared.session_type = 'race'
        and compared.race_id = lost_hours.race_id
    left join driver_laps
        on compared.session_type = 'race'
        and compared.race_id = driver_laps.race_id
        and compared.driver_id = driver_laps.driver_id

),

judged as (

    select
        session_type,
        result_id,
        race_id,
        season,
        source_time_ms,
        cast(
            coalesce(record_books_ms, pit_stop_clock_ms, laps_ms, gap_text_ms, gap_to_car_ahead_ms) as integer
        ) as time_ms,
        case
            when record_books_ms is not null then 'record books'
            when pit_stop_clock_ms is not null then 'pit stop clock'
            when laps_ms is not null then 'laps'
            when gap_text_ms is not null then 'gap text'
            when gap_to_car_ahead_ms is not null then 'gap to the car ahead'
        end as time_basis
    from candidates

),

final as (

    select * from judged
    where time_basis is not null

)

select * from final
