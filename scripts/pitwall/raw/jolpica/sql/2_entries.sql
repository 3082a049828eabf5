-- One row per session: its round, and the day and time in UTC. Without has_time_data the time is midnight, which means
-- nothing.
create table sessions as
select
    session.id as session_id,
    session.type,
    session.round_id,
    session.point_system_id,
    strftime(as_utc(session.timestamp), '%Y-%m-%d') as session_date,
    case when session.has_time_data = 't' then strftime(as_utc(session.timestamp), '%H:%M:%S') end as session_time
from dump.session;

-- One row per round: its season and its day. From 2025 on Ergast's day is that of the start in UTC, before that the local
-- one.
create table rounds as
select
    round.* exclude (date),
    season.year,
    case
        when season.year >= '2025' and races.session_time is not null then races.session_date
        else round.date
    end as date
from dump.round
left join dump.season
    on round.season_id = season.id
left join sessions as races
    on round.id = races.round_id
    and races.type = 'R';

-- One row per car of a round: its driver and its team.
create table cars as
select
    roundentry.id as round_entry_id,
    roundentry.round_id,
    roundentry.car_number,
    teamdriver.driver_id,
    teamdriver.team_id
from dump.roundentry
left join dump.teamdriver
    on roundentry.team_driver_id = teamdriver.id;

-- One row per car and session, with the fastest lap of the car in the session.
create table entries as
with

fastest_laps as (

    select
        lap.session_entry_id,
        first(lap.number order by lap.id) as number,
        first(lap.time order by lap.id) as time,
        first(lap.average_speed order by lap.id) as average_speed
    from dump.lap
    where lap.is_entry_fastest_lap = 't'
    group by lap.session_entry_id

)

select
    sessionentry.*,
    sessions.type,
    sessions.round_id,
    cars.car_number,
    cars.driver_id,
    cars.team_id,
    fastest_laps.number as fastest_lap_number,
    fastest_laps.time as fastest_lap_time,
    fastest_laps.average_speed as fastest_lap_speed
from dump.sessionentry
left join sessions
    on sessionentry.session_id = sessions.session_id
left join cars
    on sessionentry.round_entry_id = cars.round_entry_id
left join fastest_laps
    on sessionentry.id = fastest_laps.session_entry_id;
