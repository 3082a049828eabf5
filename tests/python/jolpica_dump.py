"""Writes the CSVs of an archive as a dump of jolpica-f1."""

from pathlib import Path

import duckdb

from pitwall.raw.schema import SOURCES, read_tables

PREPARED = """
create macro duration(ms) as printf(
    '%02d:%02d:%02d.%03d', ms // 3600000, ms // 60000 % 60, ms // 1000 % 60, ms % 1000
);
create macro from_clock(text) as
    cast(split_part(text, ':', 1) as bigint) * 60000
    + cast(cast(split_part(text, ':', 2) as decimal(9, 3)) * 1000 as bigint);
create table entries as
select row_number() over (order by raceId, driverId, constructorId, number) as id, *
from (
    select raceId, driverId, constructorId, number from results
    union select raceId, driverId, constructorId, number from sprint_results
    union select raceId, driverId, constructorId, number
    from qualifying anti join results using (raceId, driverId)
);
-- A car that raced has the team and the number of the race in qualifying too.
create table timed as
select
    entries.id as entry, raceId, unnest([2, 3, 4]) as kind, unnest([q1, q2, q3]) as time, position,
    2000000 + cast(qualifyId as integer) * 3 + unnest([0, 1, 2]) as id
from qualifying join entries using (raceId, driverId);
create table raced as
select entries.id as entry, sessions.* exclude (number)
from (
    select 0 as kind, cast(resultId as integer) as id, fastestLapSpeed as speed, * from results
    union all by name select 1 as kind, 1000000 + cast(resultId as integer) as id, * from sprint_results
) as sessions join entries on sessions.raceId = entries.raceId and sessions.driverId = entries.driverId
    and sessions.constructorId = entries.constructorId
    and sessions.number is not distinct from entries.number;
create table laps as
select row_number() over (order by entry, number) as id, * from (
    select raced.id as entry, null as average_speed, 'f' as is_fastest, lap as number,
        lap_times.position as position, duration(cast(lap_times.milliseconds as bigint)) as time
    from lap_times join raced on kind = 0 and lap_times.raceId = raced.raceId
        and lap_times.driverId = raced.driverId
    where lap is distinct from fastestLap
    union all
    select raced.id, speed, 't', fastestLap, lap_times.position, duration(from_clock(fastestLapTime))
    from raced left join lap_times on kind = 0 and lap_times.raceId = raced.raceId
        and lap_times.driverId = raced.driverId and lap = fastestLap
    where fastestLapTime is not null
    union all
    select id, null, 't', null, null, duration(from_clock(time)) from timed where time is not null
);
"""
TABLES = {
    "season": "select year as id, 1 as championship_system_id, url as wikipedia, year from seasons",
    "championshipsystem": "select 1 as id, -1 as team_best_results, 0 as team_points_per_session",
    "pointsystem": "select 1 as id, 0 as driver_fastest_lap, 0 as team_position_points",
    "circuit": "select circuitId as id, alt as altitude, country, lat as latitude, location as locality, "
    "lng as longitude, name, circuitRef as reference, url as wikipedia from circuits",
    "driver": "select driverId as id, code as abbreviation, dob as date_of_birth, forename, nationality, "
    "number as permanent_car_number, driverRef as reference, surname, url as wikipedia from drivers",
    "team": "select constructorId as id, name, nationality, constructorRef as reference, url as wikipedia "
    "from constructors",
    "teamdriver": "select distinct driverId || '0000' || constructorId as id, driverId as driver_id, "
    "constructorId as team_id from entries",
    "round": "select raceId as id, circuitId as circuit_id, date, 'f' as is_cancelled, name, "
    "round as number, year as season_id, url as wikipedia from races",
    "session": "select raceId || kind as id, if(time is null, 'f', 't') as has_time_data, "
    "1 as point_system_id, raceId as round_id, "
    "date || ' ' || coalesce(time, '00:00:00') || '+00' as timestamp, "
    "type from races, (values (0, 'R'), (1, 'SR'), (2, 'Q1'), (3, 'Q2'), (4, 'Q3')) as kinds (kind, type) "
    "where kind in (select kind from raced where raced.raceId = races.raceId "
    "union select kind from timed where timed.raceId = races.raceId)",
    "roundentry": "select id, number as car_number, raceId as round_id, "
    "driverId || '0000' || constructorId as team_driver_id from entries",
    "sessionentry": "select raced.id, status as detail, rank as fastest_lap_rank, grid, "
    "if(regexp_full_match(positionText, '[0-9]+'), 't', 'f') as is_classified, laps as laps_completed, "
    "points, positionOrder as position, entry as round_entry_id, raceId || kind as session_id, "
    "case positionText when 'N' then 1 when 'D' then 20 when 'E' then 20 when 'W' then 30 when 'F' then 40 "
    "when 'R' then 11 else if(status = 'Finished', 0, 1) end as status, "
    "duration(cast(milliseconds as bigint)) as time "
    "from raced join status using (statusId) "
    "union all select id, null, null, null, null, null, null, position, entry, raceId || kind, 0, null "
    "from timed where time is not null or kind = 2",
    "lap": "select id, average_speed, is_fastest as is_entry_fastest_lap, number, position, "
    "entry as session_entry_id, time from laps",
    "pitstop": "select row_number() over (order by raced.id, stop) as id, "
    "duration(cast(pit_stops.milliseconds as bigint)) as duration, laps.id as lap_id, "
    "pit_stops.time as local_timestamp, stop as number, raced.id as session_entry_id "
    "from pit_stops join raced on kind = 0 and pit_stops.raceId = raced.raceId "
    "and pit_stops.driverId = raced.driverId join laps on laps.entry = raced.id "
    "and laps.number = pit_stops.lap",
}


def write_dump(raw: Path, folder: Path, season: str = "") -> Path:
    """Write an archive as a dump, or one season of it. Returns the folder of the dump.

    It has no championship tables, which a dump may lack.
    """
    folder.mkdir(exist_ok=True)
    with duckdb.connect() as connection:
        for table in read_tables(SOURCES):
            connection.execute(
                f"create table {table.name} as from read_csv('{raw / table.file}', all_varchar = true, "
                "nullstr = '\\N', null_padding = true, header = true, quote = '\"', escape = '\"')"
            )
        if season:
            connection.execute("delete from races where year <> ?", [season])
            for table in ("results", "sprint_results", "qualifying", "lap_times", "pit_stops"):
                connection.execute(f"delete from {table} where raceId not in (select raceId from races)")
        connection.execute(PREPARED)
        for name, query in TABLES.items():
            file = folder / f"formula_one_{name}.csv"
            connection.execute(f"copy (from ({query}) order by id) to '{file}' (header)")
    return folder
