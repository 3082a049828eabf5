"""Laps, pace, stints and pit stops of the real files: well-known races and misleading data.

Skipped if the files are missing.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest


class Fact(NamedTuple):
    """A sentence about the data, a query, and its answer: a value, or a list of rows."""

    sentence: str
    query: str
    answer: Any


# Marts with the names of races, drivers and constructors.
NAMES = """
create temp view laps as
select fct.*, race_name, driver_ref
from marts.fct_race_laps as fct
join marts.dim_races using (race_id, season)
join marts.dim_drivers using (driver_id);

create temp view paces as
select fct.*, driver_ref
from marts.fct_race_pace as fct
join marts.dim_drivers using (driver_id);

create temp view stints as
select fct.*, driver_ref
from marts.fct_stints as fct
join marts.dim_drivers using (driver_id);

create temp view stops as
select fct.*, driver_ref
from marts.fct_pit_stop_times as fct
join marts.dim_drivers using (driver_id);

create temp view undercuts as
select fct.*, early.driver_ref as early, late.driver_ref as late
from marts.fct_undercuts as fct
join marts.dim_drivers as early on early.driver_id = early_driver_id
join marts.dim_drivers as late on late.driver_id = late_driver_id;

create temp view driver_races as
select race_id, driver_id, max(lap_number) as laps, max(elapsed_ms) as elapsed_ms
from marts.fct_race_laps
group by race_id, driver_id;
"""

LAPS = [
    Fact("every lap of the source arrives", "select count(*) from laps", 589_081),
    Fact(
        "each lap has one class, and none is unknown",
        "select lap_class, count(*) from laps group by all order by lap_class",
        [
            ("first", 11_023),
            ("green", 501_138),
            ("in", 10_831),
            ("not counted", 27),
            ("out", 10_590),
            ("red flag", 620),
            ("safety car", 18_448),
            ("slow", 33_618),
            ("virtual safety car", 2_786),
        ],
    ),
    Fact(
        "the car in position 1 has no gap to the leader, on each of 589,081 laps",
        "select count(*) from laps where position = 1 and gap_to_leader_ms > 0",
        0,
    ),
    Fact(
        "the sum of laps is the race time of 4,997 results, within 5 ms; most of the others have penalties",
        """
        select count(*), count(*) filter (where abs(elapsed_ms - source_race_time_ms) <= 5)
        from driver_races join marts.fct_race_results using (race_id, driver_id)
        where laps = laps_completed and source_race_time_ms is not null
        """,
        [(5_124, 4_997)],
    ),
    Fact(
        "Abu Dhabi 2021: Verstappen beat Hamilton by 2.256 s, and took the lead on the last lap",
        """
        select lap_number, driver_ref, position, gap_to_leader_ms, positions_gained from laps
        where season = 2021 and race_name = 'Abu Dhabi Grand Prix' and lap_number >= 57
            and driver_ref in ('hamilton', 'max_verstappen')
        order by lap_number, position
        """,
        [
            (57, "hamilton", 1, 0, 0),
            (57, "max_verstappen", 2, 456, 0),
            (58, "max_verstappen", 1, 0, 1),
            (58, "hamilton", 2, 2_256, -1),
        ],
    ),
    Fact(
        "Abu Dhabi 2021: virtual safety car on laps 36 and 37, safety car from 53 to 56",
        """
        select distinct lap_number from laps
        where season = 2021 and race_name = 'Abu Dhabi Grand Prix' and is_field_slow order by all
        """,
        [(36,), (37,), (53,), (54,), (55,), (56,)],
    ),
    Fact(
        "Singapore 2008: safety car on laps 15 to 19 (Piquet's crash) and 51 to 53",
        """
        select distinct lap_number from laps
        where season = 2008 and race_name = 'Singapore Grand Prix' and is_field_slow order by all
        """,
        [(15,), (16,), (17,), (18,), (19,), (51,), (52,), (53,)],
    ),
    Fact(
        "Monza 2020: the winner stopped on lap 19, and the red flag of lap 26 makes lap 27 its own class",
        """
        select lap_number, lap_class from laps
        where season = 2020 and race_name = 'Italian Grand Prix' and driver_ref = 'gasly'
            and lap_class in ('first', 'in', 'out', 'red flag')
        order by lap_number
        """,
        [(1, "first"), (19, "in"), (20, "out"), (26, "in"), (27, "red flag")],
    ),
    Fact(
        "the result of China 2014 is that of lap 54: later laps are not counted",
        """
        select race_name, season, min(lap_number), count(*) from laps
        where lap_class = 'not counted' group by all
        """,
        [("Chinese Grand Prix", 2014, 55, 27)],
    ),
    Fact(
        "misfiled laps belong to the drivers who drove them: Alesi 36 laps of Belgium 2001 and Trulli 31",
        """
        select driver_ref, count(*), max(elapsed_ms) from laps
        where season = 2001 and race_name = 'Belgian Grand Prix' and is_misfiled group by all order by all
        """,
        [("alesi", 36, 4_144_686), ("trulli", 31, 3_565_687)],
    ),
    Fact(
        "in-laps are unknown before 2011 and in Belgium 2021, and known in all other races",
        """
        select (season < 2011 or (season = 2021 and race_name = 'Belgian Grand Prix')) as unknown,
            count(*) filter (where (is_in_lap is null) <> unknown)
        from laps group by all order by all
        """,
        [(False, 0), (True, 0)],
    ),
]

PACE = [
    Fact(
        "Belgium 2021 has no green lap, and no pace",
        """
        select count(*) filter (where is_green), count(paces.race_id) from laps
        left join paces using (race_id, driver_id)
        where laps.season = 2021 and laps.race_name = 'Belgian Grand Prix'
        """,
        [(0, 0)],
    ),
    Fact(
        "pairs of driver and race with a pace",
        "select count(*), min(season), max(season) from paces",
        [(10_612, 1996, 2024)],
    ),
    Fact(
        "no pace uses a lap of a stopped race",
        """
        select count(*) from marts.fct_lap_times as source
        join laps
            on source.race_id = laps.race_id and source.lap_number = laps.lap_number
            and source.actual_driver_id = laps.driver_id
        where laps.is_green and source.lap_time_ms > 600000
        """,
        0,
    ),
    Fact(
        "eleven pairs of driver and race have misfiled laps, and no pace",
        """
        select count(distinct (race_id, driver_id)), count(paces.race_id)
        from laps left join paces using (race_id, driver_id) where is_misfiled
        """,
        [(11, 0)],
    ),
    Fact(
        "Bahrain 2023: Pérez had the best pace, Verstappen was 0.154 % slower, and Alonso third",
        """
        select driver_ref, green_laps, median_ms, median_pct_of_best from paces
        where season = 2023 and race_name = 'Bahrain Grand Prix' order by median_ms limit 3
        """,
        [
            ("perez", 49, 97_448, Decimal("100.000")),
            ("max_verstappen", 48, 97_598, Decimal("100.154")),
            ("alonso", 49, 98_009, Decimal("100.576")),
        ],
    ),
    Fact(
        "each of the 543 races with a pace has a best one, of a driver who ran at least half of the race",
        """
        select count(distinct race_id),
            count(distinct race_id) filter (where median_pct_of_best = 100 and is_representative)
        from paces
        """,
        [(543, 543)],
    ),
]

STINTS = [
    Fact(
        "stints of 2011 to 2024",
        "select count(*), min(season), max(season) from stints",
        [(16_687, 2011, 2024)],
    ),
    Fact(
        "5,788 pairs of driver and race have all laps in stints; 20, of Belgium 2021, have no stint",
        """
        select count(*), count(*) filter (where stint_laps = laps), count(*) filter (where stint_laps is null)
        from driver_races
        join marts.dim_races using (race_id)
        left join (
            select race_id, driver_id, sum(laps) as stint_laps from stints group by all
        ) using (race_id, driver_id)
        where season >= 2011
        """,
        [(5_808, 5_788, 20)],
    ),
    Fact(
        "Abu Dhabi 2021: Verstappen's four stints, the last of five laps and too short for a slope",
        """
        select first_lap, last_lap, ended_by, slope_ms_per_lap is not null from stints
        where season = 2021 and race_name = 'Abu Dhabi Grand Prix' and driver_ref = 'max_verstappen'
        order by stint_number
        """,
        [(1, 13, "stop", True), (14, 36, "stop", True), (37, 53, "stop", True), (54, 58, None, False)],
    ),
    Fact(
        "Canada 2011 was stopped on the grid, which ended a stint of all 23 cars without a pit stop",
        """
        select count(*) from stints
        where season = 2011 and race_name = 'Canadian Grand Prix' and ended_by = 'red flag' and last_lap = 25
        """,
        23,
    ),
    Fact(
        "China 2017: laps through the pit lane behind the safety car are not stints",
        """
        select count(*) from stints
        where season = 2017 and race_name = 'Chinese Grand Prix'
            and first_lap = last_lap and first_lap in (5, 6)
        """,
        0,
    ),
]

STOPS = [
    Fact(
        "real stops, red flags, drive-throughs, and one stop that was none",
        "select stop_kind, count(*) from stops group by all order by all",
        [("drive-through", 627), ("no stop", 1), ("red flag", 488), ("stop", 10_900)],
    ),
    Fact(
        "Japan 2022: the stop of all 18 cars was a red flag, though the source has less than ten minutes",
        """
        select stop_kind, count(*), max(duration_ms) < 600000 from stops
        where season = 2022 and race_name = 'Japanese Grand Prix' and lap_number = 2 group by all
        """,
        [("red flag", 18, True)],
    ),
    Fact(
        "all 104 phantom stops of 2025, and one penalty, are drive-throughs",
        "select count(*) from stops where season = 2025 and stop_kind = 'drive-through'",
        105,
    ),
    Fact(
        "the field was led through the pit lane before 2025, too",
        """
        select season, race_name, min(lap_number), max(lap_number) from (
            select *, count(*) over (partition by race_id, lap_number) as cars from stops
            where stop_kind = 'drive-through' and season between 2015 and 2017
        ) where cars >= 13 group by all order by all
        """,
        [
            (2015, "Hungarian Grand Prix", 45, 45),
            (2016, "Austrian Grand Prix", 28, 29),
            (2016, "Singapore Grand Prix", 1, 1),
            (2017, "Azerbaijan Grand Prix", 17, 17),
            (2017, "Brazilian Grand Prix", 1, 3),
            (2017, "Chinese Grand Prix", 4, 6),
            (2017, "Singapore Grand Prix", 3, 3),
        ],
    ),
    Fact(
        "only three of 12,016 stops lasted longer than a drive-through and less than a real stop",
        """
        select count(*) from (
            select duration_ms,
                median(duration_ms) filter (where stop_kind = 'stop') over (partition by race_id) as usual_ms,
                count(*) over (partition by race_id, lap_number) as cars
            from stops
        ) where cars < 13 and duration_ms >= 0.84 * usual_ms and duration_ms < 0.9 * usual_ms
        """,
        3,
    ),
    Fact(
        "time lost is known until 2024, with a median of 22.9 s, and only for real stops",
        """
        select max(season), count(*), count(*) filter (where stop_kind <> 'stop'),
            cast(median(time_lost_ms) as integer)
        from stops where time_lost_ms is not null
        """,
        [(2024, 7_928, 0, 22_874)],
    ),
    Fact(
        "Red Bull had the fastest crew of 2023, ahead of Ferrari and AlphaTauri; Alfa Romeo the slowest",
        """
        select constructor_ref, season_rank from marts.constructor_pit_stops
        join marts.dim_constructors using (constructor_id)
        where season = 2023 and season_rank in (1, 2, 3, 10) order by season_rank
        """,
        [("red_bull", 1), ("ferrari", 2), ("alphatauri", 3), ("alfa", 10)],
    ),
    Fact(
        "Bahrain 2021: Hamilton, 1.7 s behind, stopped four laps before Verstappen and came out ahead",
        """
        select early_stop_lap, late_stop_lap, gap_before_ms, gap_after_ms, outcome from undercuts
        where season = 2021 and race_name = 'Bahrain Grand Prix'
            and early = 'hamilton' and late = 'max_verstappen'
        """,
        [(13, 17, 1_726, -6_631, "undercut")],
    ),
    Fact(
        "in 447 of 2,026 pairs the first to stop gained the place, and in 195 lost it",
        "select outcome, count(*) from undercuts group by all order by all",
        [("none", 1_384), ("overcut", 195), ("undercut", 447)],
    ),
    Fact(
        "Hülkenberg did not stop on lap 42 of Japan 2015: the two laps are usual ones",
        """
        select season, race_name, driver_name, lap_number, duration_ms, duration_to_race_median_ms,
            time_lost_ms
        from stops where stop_kind = 'no stop'
        """,
        [(2015, "Japanese Grand Prix", "Nico Hülkenberg", 42, 35_760, None, None)],
    ),
    Fact(
        "of the stops with both laps on file the next one has lost a third of its time",
        """
        with lane_laps as (
            select race_id, driver_id, lap_number from stops
            union
            select race_id, driver_id, lap_number + 1 from stops
        ),
        flying as (
            select laps.* from marts.fct_race_laps as laps
            left join lane_laps using (race_id, driver_id, lap_number)
            where lane_laps.race_id is null and lap_number > 1 and not is_red_flag
            and race_id in (select race_id from stops)
        ),
        field as (select race_id, lap_number, median(lap_time_ms) as field_ms from flying group by all),
        usual as (
            select race_id, driver_id, median(lap_time_ms) as usual_ms, median(lap_time_ms / field_ms) as part
            from flying join field using (race_id, lap_number) group by all
        ),
        losses as (
            select stop_kind, duration_ms, greatest(
                sum(lap_time_ms) - 2 * any_value(usual_ms), sum(lap_time_ms) - sum(field_ms) * any_value(part)
            ) as lost_ms
            from stops
            join marts.fct_race_laps as laps
                on laps.race_id = stops.race_id and laps.driver_id = stops.driver_id and not is_red_flag
                and laps.lap_number between stops.lap_number and stops.lap_number + 1
            join field on field.race_id = laps.race_id and field.lap_number = laps.lap_number
            join usual on usual.race_id = laps.race_id and usual.driver_id = laps.driver_id
            group by stops.race_id, stops.driver_id, stop_number, stop_kind, duration_ms
            having count(*) = 2
        )
        select count(*) filter (where lost_ms < 0.2 * duration_ms), min(lost_ms / duration_ms) filter (
            where stop_kind <> 'no stop'
        ) > 0.33 from losses""",
        [(1, True)],
    ),
    Fact(
        "unusual stops by their reason, and those whose time lost is known",
        """
        select unusual_reason, count(*), count(time_lost_ms) from stops
        where unusual_reason is not null group by all order by all
        """,
        [("changing track", 63, 63), ("long stop", 346, 142), ("unusual laps", 158, 158)],
    ),
    Fact(
        "the rain of Singapore 2022, Malaysia 2012 and Germany 2019 sets no pit loss",
        """
        select season, circuit_ref, measured_stops, usual_stops, median_time_lost_ms
        from marts.circuit_pit_losses inner join marts.dim_circuits using (circuit_id)
        where (season, circuit_ref) in ((2022, 'marina_bay'), (2012, 'sepang'), (2019, 'hockenheimring'))
        order by season
        """,
        [
            (2012, "sepang", 8, 1, None),
            (2019, "hockenheimring", 21, 1, None),
            (2022, "marina_bay", 7, 0, None),
        ],
    ),
    Fact(
        "265 circuits and seasons have a pit loss, of 31.9 s at most",
        "select count(median_time_lost_ms), max(median_time_lost_ms) from marts.circuit_pit_losses",
        [(265, 31_937)],
    ),
    Fact(
        "slopes above 300 ms a lap, and the race that has most of them, in rain",
        """
        select sum(stints)::int, max(stints), arg_max(race, stints) from (
            select season || ' ' || race_name as race, count(*) as stints
            from marts.fct_stints where is_slope_unusual group by all
        )""",
        [(291, 32, "2011 Canadian Grand Prix")],
    ),
    Fact(
        "pairs with an unusual stop, and what new tyres gain without them",
        """
        select count(*) filter (where has_unusual_stop),
            cast(median(early_gain_ms - lane_gain_ms) filter (where not has_unusual_stop) as integer)
        from undercuts""",
        [(127, 1_835)],
    ),
]


@pytest.fixture(scope="module")
def warehouse(real_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of the real files, with views that have the names of drivers and races."""
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        connection.execute(NAMES)
        yield connection


def check(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """Fail with the fact's sentence if the warehouse has another answer."""
    expected = fact.answer if isinstance(fact.answer, list) else [(fact.answer,)]
    assert warehouse.execute(fact.query).fetchall() == expected, fact.sentence


@pytest.mark.parametrize("fact", LAPS, ids=lambda fact: fact.sentence)
def test_laps_are_right(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """Their classes, positions and gaps."""
    check(warehouse, fact)


@pytest.mark.parametrize("fact", PACE, ids=lambda fact: fact.sentence)
def test_pace_uses_representative_laps(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """Without such laps a driver has no pace."""
    check(warehouse, fact)


@pytest.mark.parametrize("fact", STINTS, ids=lambda fact: fact.sentence)
def test_stints_have_all_laps(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """They end where tyres could be changed."""
    check(warehouse, fact)


@pytest.mark.parametrize("fact", STOPS, ids=lambda fact: fact.sentence)
def test_pit_stops_are_right(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """Their kind, the time lost, and the places gained."""
    check(warehouse, fact)
