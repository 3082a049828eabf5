"""Safety cars and red flags of the real files: well-known races, and the rules of thumb against the record.

Skipped if the files are missing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest


class Fact(NamedTuple):
    """A sentence about the data, a query, and its answer: a value, or a list of rows."""

    sentence: str
    query: str
    answer: Any


RECORD = [
    Fact(
        "every safety car finds its race; fourteen stayed to the end",
        "select count(*), count(*) filter (is_to_the_end), sum(full_laps) from marts.fct_safety_cars",
        [(362, 14, 1219)],
    ),
    Fact(
        "every red flag finds its race",
        "select resumption, count(*) from marts.fct_red_flags group by all order by all",
        [("not resumed", 15), ("resumed", 36), ("shortened", 13), ("started again", 34)],
    ),
    Fact(
        "two races were stopped twice on lap 1",
        "select season, race_name from marts.fct_red_flags where lap_number = 1 "
        "group by season, race_name having count(*) > 1 order by season",
        [(1987, "Austrian Grand Prix"), (1990, "Belgian Grand Prix")],
    ),
    Fact(
        "the first safety car was out in Canada 1973",
        "select race_name, deployed_lap, retreated_lap, full_laps from marts.fct_safety_cars "
        "where season = 1973",
        [("Canadian Grand Prix", 33, 39, 5)],
    ),
    Fact(
        "Abu Dhabi 2021 had the safety car before its last lap",
        "select deployed_lap, retreated_lap, cause from marts.fct_safety_cars "
        "where season = 2021 and race_name = 'Abu Dhabi Grand Prix'",
        [(54, 58, "Accident")],
    ),
    Fact(
        "the estimates call the São Paulo Grand Prix of 2022 the Brazilian one",
        "select source_table, race_name, count(*) from quality.source_anomalies "
        "where anomaly_kind = 'race_name_differs' group by all",
        [("virtual_safety_car_estimates", "São Paulo Grand Prix", 3)],
    ),
    Fact(
        "no name is unknown to the calendar",
        "select count(*) from quality.source_anomalies where anomaly_kind = 'race_name_unknown'",
        0,
    ),
    Fact(
        "the source counts the laps behind the safety car otherwise",
        "select count(*) from quality.source_anomalies where anomaly_kind = 'safety_car_laps_differ'",
        102,
    ),
]

LAPS = [
    Fact(
        "classes of laps",
        "select lap_class, count(*) from marts.fct_race_laps group by all order by all",
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
        "every season with lap times has a record of safety cars; virtual ones are estimated from 2015",
        "select count(*) filter (is_safety_car is null), "
        "min(season) filter (is_virtual_safety_car is not null), "
        "count(*) filter (season >= 2015 and is_virtual_safety_car is null) from marts.fct_race_laps",
        [(0, 2015, 0)],
    ),
    Fact(
        "whole laps behind the safety car that ended before the race did",
        "select count(*), count(*) filter (is_field_slow) from (select distinct race_id, lap_number, "
        "is_field_slow from marts.fct_race_laps inner join marts.fct_safety_cars using (race_id, season) "
        "where lap_number between first_full_lap and last_full_lap)",
        [(1135, 1057)],
    ),
    Fact(
        "the record and the rule of thumb for red flags",
        "select is_red_flag, is_red_flag_by_rule, count(*) from marts.fct_lap_times "
        "group by all order by all",
        [(False, False, 588_433), (False, True, 28), (True, False, 22), (True, True, 598)],
    ),
    Fact(
        "in Japan 2022 the laps of the stop lost two hours; the record finds them",
        "select lap_number, count(*) from marts.fct_lap_times inner join marts.dim_races using (race_id) "
        "where dim_races.season = 2022 and race_name = 'Japanese Grand Prix' and is_red_flag group by all",
        [(3, 18)],
    ),
    Fact(
        "a long repair in a race that was not stopped is no red flag",
        "select lap_number, lap_class from marts.fct_race_laps inner join marts.dim_races using (race_id) "
        "where dim_races.season = 2007 and race_name = 'British Grand Prix' and is_red_flag_by_rule",
        [(31, "slow")],
    ),
]

RULES = [
    Fact(
        "laps that the rules of thumb find, over all seasons",
        "select recorded_as, min(season), max(season), sum(recorded_laps), sum(recorded_laps_found), "
        "sum(laps_found), sum(laps_found_right) from quality.rule_of_thumb_scores group by all order by all",
        [
            ("red flag", 1996, 2024, 620, 598, 626, 598),
            ("safety car", 1996, 2024, 1157, 1077, 2502, 1341),
            ("safety car or virtual safety car", 2015, 2024, 526, 465, 1095, 703),
        ],
    ),
    Fact(
        "stops under a safety car, with and without lap times",
        "select is_under_safety_car, is_under_virtual_safety_car, count(*) "
        "from marts.fct_pit_stop_times where stop_kind = 'stop' group by all order by all nulls last",
        [
            (False, False, 5602),
            (False, True, 338),
            (False, None, 3989),
            (True, False, 683),
            (True, True, 4),
            (True, None, 284),
        ],
    ),
    Fact(
        "no stop behind a safety car counts for the usual loss of a circuit",
        "select count(*) from marts.fct_pit_stop_times "
        "where time_lost_ms is not null and (is_under_safety_car or is_under_virtual_safety_car)",
        0,
    ),
]


@pytest.fixture(scope="module")
def warehouse(real_files: Path, real_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    if not (real_files / "safety_cars.csv").exists():
        pytest.skip("no real data: the folder racedata is not beside that of the real CSVs")
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        yield connection


@pytest.mark.parametrize("fact", [*RECORD, *LAPS, *RULES], ids=lambda fact: fact.sentence)
def test_fact(warehouse: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    rows = warehouse.execute(fact.query).fetchall()
    if not isinstance(fact.answer, list):
        [(value,)] = rows
        assert value == fact.answer
    else:
        assert rows == fact.answer
