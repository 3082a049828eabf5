-- The ids of the raw tables. What the last conversion knows keeps its id. What is new gets a million more than its id in
-- the dump, which no other source reaches.

create macro new_id(dump_id) as 1000000 + try_cast(dump_id as bigint);

create table known_circuits as
select
    circuit_ref,
    min(circuit_id) as circuit_id
from known.circuits
group by circuit_ref;

create table circuit_ids as
select
    circuit.id as dump_id,
    coalesce(known_circuits.circuit_id, new_id(circuit.id)) as circuit_id
from dump.circuit
left join known_circuits
    on circuit.reference = known_circuits.circuit_ref;

create table known_drivers as
select
    driver_ref,
    min(driver_id) as driver_id
from known.drivers
group by driver_ref;

create table driver_ids as
select
    driver.id as dump_id,
    coalesce(known_drivers.driver_id, new_id(driver.id)) as driver_id
from dump.driver
left join known_drivers
    on driver.reference = known_drivers.driver_ref;

create table known_constructors as
select
    constructor_ref,
    min(constructor_id) as constructor_id
from known.constructors
group by constructor_ref;

create table constructor_ids as
select
    team.id as dump_id,
    coalesce(known_constructors.constructor_id, new_id(team.id)) as constructor_id
from dump.team
left join known_constructors
    on team.reference = known_constructors.constructor_ref;

-- A race is the same if two of these agree besides the season: its round, its circuit, its date.
create table race_ids as
with

pairs as (

    select
        rounds.id as dump_id,
        races.race_id as known_id,
        case
            when rounds.number = cast(races.round as varchar) and circuit_ids.circuit_id = races.circuit_id then 1
            when circuit_ids.circuit_id = races.circuit_id and rounds.date = cast(races.date as varchar) then 2
            when rounds.number = cast(races.round as varchar) and rounds.date = cast(races.date as varchar) then 3
        end as pass
    from rounds
    left join circuit_ids
        on rounds.circuit_id = circuit_ids.dump_id
    inner join known.races
        on rounds.year = cast(races.year as varchar)

),

ranked as (

    select
        dump_id,
        known_id,
        row_number() over (partition by dump_id order by pass, known_id) as rank_of_known,
        row_number() over (partition by known_id order by pass, cast(dump_id as bigint)) as rank_of_dump
    from pairs
    where pass is not null

)

select
    rounds.id as dump_id,
    coalesce(ranked.known_id, new_id(rounds.id)) as race_id
from rounds
left join ranked
    on rounds.id = ranked.dump_id
    and ranked.rank_of_known = 1
    and ranked.rank_of_dump = 1;

-- What each code of a status means: its text if the dump has none, and the letter of an unclassified car.
create table status_codes (code varchar, status varchar, letter varchar);
insert into status_codes values
('0', 'Finished', 'N'),
('1', 'Lapped', 'N'),
('10', 'Accident', 'R'),
('11', 'Retired', 'R'),
('20', 'Disqualified', 'D'),
('30', 'Did not start', 'W'),
('40', 'Did not qualify', 'F'),
('41', 'Did not prequalify', 'F');

-- One row per result of a race or a sprint, as Ergast describes it. The keys of other tables are looked up here; where
-- one is missing, the text in its place makes the conversion set the row aside.
create table results as
with

race_entries as (

    select
        *,
        min(case when position = '1' then as_milliseconds(time) end) over (partition by session_id) as winner_ms,
        max(case when position = '1' then try_cast(laps_completed as integer) end) over (
            partition by session_id
        ) as winner_laps,
        max(try_cast(position as integer)) over (partition by session_id) as last_position
    from entries
    where type in ('R', 'SR') or type is null

),

-- A car without an entry in a race that has entries did not qualify: the dump no longer has their results. From 2023 on the dump also
-- lists drivers who only practised.
cars_not_qualified as (

    select
        cars.*,
        row_number() over (partition by cars.round_id order by try_cast(cars.round_entry_id as bigint)) as car_order
    from cars
    inner join rounds
        on cars.round_id = rounds.id
    left join race_entries
        on cars.round_entry_id = race_entries.round_entry_id
        and race_entries.type = 'R'
    where
        race_entries.id is null
        and rounds.year < '2023'

),

-- As many places as the race has, and one more for each car without an entry.
sheets as (

    select
        race_entries.round_id,
        unnest(range(1, 1 + max(race_entries.last_position) + cast(count(*) as integer))) as place
    from race_entries
    where race_entries.type = 'R'
    group by race_entries.round_id

),

-- Their places on the result sheet are those that the entries leave free.
free_places as (

    select
        sheets.round_id,
        sheets.place,
        row_number() over (partition by sheets.round_id order by sheets.place) as place_order
    from sheets
    left join race_entries
        on sheets.round_id = race_entries.round_id
        and race_entries.type = 'R'
        and cast(sheets.place as varchar) = race_entries.position
    where race_entries.id is null

),

described as (

    select
        race_entries.id as entry_id,
        race_entries.session_id,
        race_entries.type,
        race_entries.round_id,
        race_entries.round_entry_id,
        race_entries.driver_id,
        race_entries.team_id,
        race_entries.car_number,
        race_entries.grid,
        case
            when race_entries.is_classified = 't' and coalesce(race_entries.status, '') <> '20'
                then race_entries.position
        end as position,
        case
            when race_entries.detail = 'Excluded' then 'E'
            when race_entries.status = '20' then 'D'
            when race_entries.is_classified = 't' and race_entries.position is not null then race_entries.position
            when race_entries.detail = 'Not classified' then 'N'
            else coalesce(status_codes.letter, 'R')
        end as position_text,
        race_entries.position as position_order,
        race_entries.points,
        race_entries.laps_completed,
        -- From 2023 on the dump has the times of lapped and retired cars too. In Ergast a time is one of the lead lap.
        case
            when
                rounds.year >= '2023'
                and as_milliseconds(race_entries.time) is not null
                and try_cast(race_entries.laps_completed as integer) < race_entries.winner_laps
                then null
            else race_entries.time
        end as time,
        race_entries.winner_ms,
        race_entries.fastest_lap_number,
        race_entries.fastest_lap_rank,
        race_entries.fastest_lap_time,
        race_entries.fastest_lap_speed,
        -- `Lapped` says less than the laps do.
        case
            when
                race_entries.detail = 'Lapped'
                and race_entries.winner_laps - try_cast(race_entries.laps_completed as integer) = 1
                then '+1 Lap'
            when
                race_entries.detail = 'Lapped'
                and race_entries.winner_laps > try_cast(race_entries.laps_completed as integer)
                then '+' || (race_entries.winner_laps - try_cast(race_entries.laps_completed as integer)) || ' Laps'
            else coalesce(race_entries.detail, status_codes.status, 'Status ' || race_entries.status, 'Unknown')
        end as status
    from race_entries
    left join rounds
        on race_entries.round_id = rounds.id
    left join status_codes
        on race_entries.status = status_codes.code

    union all

    select
        cast(10000000 + cast(cars_not_qualified.round_entry_id as bigint) as varchar) as entry_id,
        null as session_id,
        'R' as type,
        cars_not_qualified.round_id,
        cars_not_qualified.round_entry_id,
        cars_not_qualified.driver_id,
        cars_not_qualified.team_id,
        cars_not_qualified.car_number,
        '0' as grid,
        null as position,
        'F' as position_text,
        cast(free_places.place as varchar) as position_order,
        '0' as points,
        '0' as laps_completed,
        null as time,
        null as winner_ms,
        null as fastest_lap_number,
        null as fastest_lap_rank,
        null as fastest_lap_time,
        null as fastest_lap_speed,
        'Did not qualify' as status
    from cars_not_qualified
    inner join free_places
        on cars_not_qualified.round_id = free_places.round_id
        and cars_not_qualified.car_order = free_places.place_order

)

select
    described.* exclude (driver_id),
    described.driver_id as dump_driver_id,
    as_milliseconds(described.time) as time_ms,
    coalesce(cast(race_ids.race_id as varchar), 'no session ' || described.session_id) as race_id,
    coalesce(cast(driver_ids.driver_id as varchar), 'no driver of round entry ' || described.round_entry_id)
        as driver_id,
    coalesce(cast(constructor_ids.constructor_id as varchar), 'no team of round entry ' || described.round_entry_id)
        as constructor_id
from described
left join race_ids
    on described.round_id = race_ids.dump_id
left join driver_ids
    on described.driver_id = driver_ids.dump_id
left join constructor_ids
    on described.team_id = constructor_ids.dump_id;

-- A status has no id in the dump, so a new one is made of its text.
create table texts as
select status from results
union
select status from known.status;

create table known_statuses as
select
    status,
    min(status_id) as status_id
from known.status
group by status;

create table status_ids as
select
    texts.status,
    coalesce(
        known_statuses.status_id, new_id(md5_number_lower(texts.status) % 1000000000)
    ) as status_id
from texts
left join known_statuses
    on texts.status = known_statuses.status;

-- A result keeps its id if driver, constructor and car of a race agree; otherwise if driver and race do. A driver with
-- several results in a race has them in the order of the result sheet.
create table result_ids as
with

dumped as (

    select
        entry_id,
        type,
        race_id,
        driver_id,
        constructor_id,
        coalesce(car_number, '') as car_number,
        row_number() over (
            partition by type, race_id, driver_id, constructor_id, coalesce(car_number, '')
            order by try_cast(position_order as integer), try_cast(entry_id as bigint)
        ) as car_result,
        row_number() over (
            partition by type, race_id, driver_id
            order by try_cast(position_order as integer), try_cast(entry_id as bigint)
        ) as driver_result
    from results

),

known_of_both as (

    select
        'R' as type,
        result_id,
        race_id,
        driver_id,
        constructor_id,
        number,
        position_order
    from known.results

    union all

    select
        'SR' as type,
        result_id,
        race_id,
        driver_id,
        constructor_id,
        number,
        position_order
    from known.sprint_results

),

known_results as (

    select
        type,
        result_id,
        cast(race_id as varchar) as race_id,
        cast(driver_id as varchar) as driver_id,
        cast(constructor_id as varchar) as constructor_id,
        coalesce(cast(number as varchar), '') as car_number,
        row_number() over (
            partition by type, race_id, driver_id, constructor_id, number
            order by position_order, result_id
        ) as car_result,
        row_number() over (
            partition by type, race_id, driver_id
            order by position_order, result_id
        ) as driver_result
    from known_of_both

),

pairs as (

    select
        dumped.entry_id,
        known_results.type,
        known_results.result_id,
        case
            when
                dumped.constructor_id = known_results.constructor_id
                and dumped.car_number = known_results.car_number
                and dumped.car_result = known_results.car_result
                then 1
            when dumped.driver_result = known_results.driver_result then 2
        end as pass
    from dumped
    inner join known_results
        on dumped.type = known_results.type
        and dumped.race_id = known_results.race_id
        and dumped.driver_id = known_results.driver_id

),

ranked as (

    select
        entry_id,
        result_id,
        row_number() over (partition by entry_id order by pass, result_id) as rank_of_known,
        row_number() over (
            partition by type, result_id
            order by pass, try_cast(entry_id as bigint)
        ) as rank_of_dump
    from pairs
    where pass is not null

)

select
    dumped.entry_id,
    coalesce(ranked.result_id, new_id(dumped.entry_id)) as result_id
from dumped
left join ranked
    on dumped.entry_id = ranked.entry_id
    and ranked.rank_of_known = 1
    and ranked.rank_of_dump = 1;
