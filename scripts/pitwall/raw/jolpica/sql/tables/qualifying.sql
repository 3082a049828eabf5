-- One row per car that took part in qualifying: its times in the sessions, in their order, and its place in the last of
-- them. A session that only decides in which order the cars go out (`QO`) is none of them.
with

timed as (

    select
        entries.*,
        row_number() over qualifying_of_car as session_number,
        row_number() over (
            partition by entries.round_entry_id order by sessions.session_date desc, entries.type desc, entries.id desc
        ) as from_last
    from entries
    left join sessions
        on entries.session_id = sessions.session_id
    where entries.type in ('Q1', 'Q2', 'Q3', 'QA', 'QB')
    window qualifying_of_car as (
        partition by entries.round_entry_id order by sessions.session_date, entries.type, entries.id
    )

),

cars_in_qualifying as (

    select
        round_entry_id,
        min(try_cast(id as bigint)) as entry_id,
        any_value(round_id) as round_id,
        any_value(driver_id) as driver_id,
        any_value(team_id) as team_id,
        any_value(car_number) as car_number,
        max(case when from_last = 1 then position end) as position,
        max(case when type = 'Q1' or (type in ('QA', 'QB') and session_number = 1) then fastest_lap_time end) as q1,
        max(case when type = 'Q2' or (type in ('QA', 'QB') and session_number = 2) then fastest_lap_time end) as q2,
        max(case when type = 'Q3' then fastest_lap_time end) as q3
    from timed
    group by round_entry_id

),

keyed as (

    select
        cars_in_qualifying.*,
        race_ids.race_id,
        driver_ids.driver_id as raw_driver_id,
        constructor_ids.constructor_id
    from cars_in_qualifying
    left join race_ids
        on cars_in_qualifying.round_id = race_ids.dump_id
    left join driver_ids
        on cars_in_qualifying.driver_id = driver_ids.dump_id
    left join constructor_ids
        on cars_in_qualifying.team_id = constructor_ids.dump_id

),

-- A driver has one qualifying result in a race, apart from a few with two cars.
numbered as (

    select
        *,
        row_number() over (partition by race_id, raw_driver_id order by entry_id) as driver_result
    from keyed

),

known_qualifying as (

    select
        qualify_id,
        race_id,
        driver_id,
        row_number() over (partition by race_id, driver_id order by qualify_id) as driver_result
    from known.qualifying

)

select
    coalesce(known_qualifying.qualify_id, new_id(numbered.entry_id)) as qualify_id,
    coalesce(cast(numbered.race_id as varchar), 'no round ' || numbered.round_id) as race_id,
    coalesce(cast(numbered.raw_driver_id as varchar), 'no driver of round entry ' || numbered.round_entry_id)
        as driver_id,
    coalesce(cast(numbered.constructor_id as varchar), 'no team of round entry ' || numbered.round_entry_id)
        as constructor_id,
    numbered.car_number as number,
    numbered.position,
    clock_or_text(numbered.q1) as q1,
    clock_or_text(numbered.q2) as q2,
    clock_or_text(numbered.q3) as q3
from numbered
left join known_qualifying
    on numbered.race_id = known_qualifying.race_id
    and numbered.raw_driver_id = known_qualifying.driver_id
    and numbered.driver_result = known_qualifying.driver_result
order by qualify_id
