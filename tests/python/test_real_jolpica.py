"""The dump of jolpica-f1 beside the archive: every cell is the same, or its difference has a known kind.

The sample of the dump has the results of seven seasons and the laps of three races. It is beside the real
files. The archive, cut to the same races, comes first, then the dump in a copy of its folder, so that ids are
known. The raw tables are compared on each change, the marts each night.
"""

import csv
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from conftest import (
    ROOT,
    SCRIPTS,
    Builder,
    make_once,
    must_run,
    no_engines,
    rewrite,
    write_forecasts,
)
from jolpica_dump import write_dump

from pitwall.raw.schema import SOURCES, read_tables
from pitwall.warehouse.comparison import contracted, primary_key

SEASONS = (1958, 1979, 1980, 1997, 2007, 2008, 2023)
RACES_WITH_LAPS = ((2023, 1), (2023, 10), (2023, 18))


class Kind(NamedTuple):
    """Why cells differ, and how many of each column of the raw tables do."""

    reason: str
    cells: dict[str, int]


KINDS = {
    "addresses": Kind(
        "The dump has https addresses, and newer ones of some circuits and seasons.",
        {"circuits.url": 76, "races.url": 1_079, "seasons.url": 74},
    ),
    "people": Kind(
        "The dump has newer numbers of two drivers, one nationality each, and one spelling of a country.",
        {"circuits.country": 1, "drivers.nationality": 3, "drivers.number": 2},
    ),
    "schedule": Kind(
        "The archive has no sessions in 2025. In Qatar 2024 its times are an hour off.",
        {
            "races.time": 1,
            "races.fp1_date": 24,
            "races.fp1_time": 24,
            "races.fp2_date": 24,
            "races.fp2_time": 24,
            "races.fp3_date": 18,
            "races.fp3_time": 18,
            "races.quali_date": 24,
            "races.quali_time": 25,
            "races.sprint_date": 6,
            "races.sprint_time": 7,
        },
    ),
    "grid": Kind(
        "In 2023 the dump has the slot of cars that started from the pit lane. It has no slot of cars that "
        "did not qualify.",
        {"results.grid": 17, "sprint_results.grid": 1},
    ),
    "classification": Kind(
        "The dump says of two cars of 2023 that they were classified. It has no E for Marques in 1997, and "
        "an N for a car of 1980 that finished too many laps down.",
        {"results.position": 2, "results.position_text": 6, "sprint_results.position_text": 1},
    ),
    "status": Kind(
        "From 2023 on the dump says only `Retired`, `Finished` or `Did not start`. It does not know who "
        "failed to prequalify.",
        {"results.status_id": 56},
    ),
    "race times": Kind(
        "The dump has corrected race times; the archive lacks penalties, and a minute in Brazil 1997.",
        {"results.milliseconds": 36},
    ),
    "texts of gaps": Kind(
        "The archive writes some gaps above a minute in seconds. No mart has the text.",
        {"results.time": 429},
    ),
    "fastest laps": Kind(
        "The dump knows who had the fastest lap in 1958, and the ranks of one sprint. It corrects two laps.",
        {
            "results.fastest_lap": 2,
            "results.fastest_lap_time": 2,
            "results.fastest_lap_speed": 1,
            "results.rank": 12,
            "sprint_results.rank": 20,
        },
    ),
    "qualifying": Kind(
        "The dump has the number of the car in the race; the places of five cars without a disqualified one; "
        "and other times of four drivers in Azerbaijan 2023.",
        {"qualifying.number": 13, "qualifying.position": 5, "qualifying.q1": 2, "qualifying.q2": 2},
    ),
    "pit stops": Kind(
        "One stop has another lap.",
        {"pit_stops.lap": 1, "pit_stops.time": 1, "pit_stops.duration": 1, "pit_stops.milliseconds": 1},
    ),
    "points of constructors": Kind(
        "The archive gave three constructors the points of two cars in the last race of 1958.",
        {"constructor_results.points": 3},
    ),
}

OF_RACES = (
    "constructor_results",
    "constructor_standings",
    "driver_standings",
    "qualifying",
    "results",
    "sprint_results",
)
# Rows that only one of them has: those of the archive, those of the dump.
ROWS = {"constructor_results": (2, 0), "status": (0, 1)}
WITHOUT_STANDINGS = ("driver_standings", "constructor_standings")  # the sample has no championship tables

NOT_COMPARED = {
    "dim_dates": "it has a key alone",
    "fct_constructor_standings": "the sample has no championship tables",
    "fct_driver_standings": "the sample has no championship tables",
    "fct_result_revisions": "the history of the dump has both sources",
}
ENDINGS = "classified_finishes finishes retirements accident_retirements mechanical_retirements best_grid"
TEAM_MATES = "races_together races_ahead races_behind qualifying_gaps median_qualifying_gap_percent"
# The columns of marts in which a cell may differ, and the kinds of KINDS that it comes from. `rows` are rows
# that only one of them has; `*` is any column of a mart that adds up results.
COLUMNS = {
    "circuit_pit_losses": ("pit stops", "median_duration_ms"),
    "circuit_statistics": ("grid, status", "mean_places_changed attrition_rate"),
    "constructor_careers": ("status, grid", f"car_starts {ENDINGS}"),
    "constructor_pit_stops": ("pit stops", "median_to_race_median_ms interquartile_range_ms"),
    "constructor_reliability": ("status", "failures race_starts failures_per_start rows"),
    "constructor_seasons": ("status, grid", f"car_starts {ENDINGS}"),
    "dim_circuits": ("addresses", "wikipedia_url"),
    "dim_drivers": ("people", "permanent_number nationality"),
    "dim_races": (
        "schedule, addresses",
        "race_starts_at practice_1_starts_at practice_2_starts_at practice_3_starts_at "
        "qualifying_starts_at sprint_starts_at wikipedia_url",
    ),
    "dim_seasons": ("addresses", "wikipedia_url"),
    "dim_statuses": ("status", "rows"),
    "driver_careers": ("status, grid, standings", f"starts {ENDINGS} best_championship_position"),
    "driver_finishing_streaks": ("status", "*"),
    "driver_seasons": ("status, grid, standings", f"starts {ENDINGS} championship_position"),
    "fct_baseline_predictions": ("grid, schedule, status", "*"),
    "fct_constructor_championship": (
        "standings",
        "official_points official_position official_wins is_reconciled",
    ),
    "fct_constructor_results": ("points of constructors", "points rows"),
    "fct_driver_championship": ("standings", "official_points official_position official_wins is_reconciled"),
    "fct_pit_stop_costs": ("pit stops", "lap_number duration_ms neighbours lost_to_neighbours_ms"),
    "fct_pit_stop_times": (
        "pit stops",
        "lap_number duration_ms duration_to_race_median_ms time_lost_ms lost_to_field_ms",
    ),
    "fct_pit_stops": ("pit stops", "lap_number local_time_of_day duration_ms"),
    "fct_places_gained": ("grid, classification", "*"),
    "fct_qualifying_gaps": ("qualifying", "*"),
    "fct_qualifying_results": (
        "qualifying",
        "car_number qualifying_position q1_ms q2_ms last_timed_session last_time_ms best_time_ms",
    ),
    "fct_race_features": ("grid, schedule, status, qualifying", "*"),
    "fct_race_laps": (
        "pit stops",
        "positions_gained field_median_ms lap_class is_green is_in_lap is_out_lap",
    ),
    "fct_race_pace": ("pit stops", "median_ms trimmed_mean_ms median_pct_of_best interquartile_range_pct"),
    "fct_race_results": (
        "status, grid, classification, race times, fastest laps",
        "status_id status grid_position grid is_pit_lane_start finishing_position position_text is_started "
        "is_classified is_finished reason_out_group reason_out race_time_ms gap_to_winner_ms "
        "fastest_lap_number fastest_lap_rank fastest_lap_time_ms fastest_lap_speed_kph",
    ),
    "fct_sprint_results": (
        "grid, classification, fastest laps",
        "grid_position grid is_pit_lane_start position_text fastest_lap_rank",
    ),
    "fct_stints": ("pit stops", "first_lap last_lap laps green_laps start_pace_ms slope_ms_per_lap"),
    "team_mate_careers": ("classification, qualifying", TEAM_MATES),
    "team_mate_seasons": ("classification, qualifying", TEAM_MATES),
}

# The columns of a result of which a change starts a new version.
VERSIONED = "car_number source_grid position_text position_order points laps_completed time_ms status_id"


@pytest.fixture(scope="module")
def archive(real_files: Path, shared_folder: Path) -> Path:
    """The data folder of the archive, cut to what the sample of the dump has, in Parquet."""

    def make(data: Path) -> None:
        raw = data / "raw"
        raw.mkdir(parents=True)
        for table in read_tables(SOURCES):
            shutil.copyfile(real_files / f"{table.name}.csv", raw / f"{table.name}.csv")
        with (raw / "races.csv").open(newline="", encoding="utf-8") as file:
            rounds = {row["raceId"]: (int(row["year"]), int(row["round"])) for row in csv.DictReader(file)}
        for of_laps in ("lap_times", "pit_stops"):
            rewrite(
                raw, of_laps, lambda rows: [row for row in rows if rounds[row["raceId"]] in RACES_WITH_LAPS]
            )
        for of_races in OF_RACES:
            rewrite(raw, of_races, lambda rows: [row for row in rows if rounds[row["raceId"]][0] in SEASONS])
        must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data, **no_engines())

    return make_once(shared_folder / "archive_of_sample", make)


@pytest.fixture(scope="module")
def sample(real_files: Path) -> Path:
    """The folder of the sample of the dump. Skips the test if there is none."""
    folders = [real_files.parent / "jolpica", ROOT.parent / "shared" / "data" / "jolpica"]
    if named := os.environ.get("PITWALL_REAL_DATA"):
        folders.insert(0, Path(named).parent / "jolpica")
    if not (found := [folder for folder in folders if folder.is_dir()]):
        pytest.skip("no real data: there is no sample of the dump beside the real files")
    return found[0]


def convert(dump: Path, data: Path) -> None:
    """Convert a dump into a data folder. What the last conversion knows keeps its id."""
    must_run(SCRIPTS / "csv_to_parquet.py", dump, PITWALL_DATA=data, **no_engines())


@pytest.fixture(scope="module")
def converted(
    archive: Path, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The raw tables of both: `archive`, and `dump`, which was converted in a copy of its folder."""
    data = shutil.copytree(archive, tmp_path_factory.mktemp("dump") / "data")
    convert(sample, data)
    with duckdb.connect() as connection:
        for name, folder in (("archive", archive), ("dump", data)):
            connection.execute(f"attach ':memory:' as {name}; create schema {name}.raw")
            for table in read_tables(SOURCES):
                file = folder / "parquet" / f"{table.name}.parquet"
                connection.execute(f"create view {name}.raw.{table.name} as from '{file}'")
        yield connection


@pytest.fixture(scope="module")
def both(
    archive: Path, sample: Path, builder: Builder, shared_folder: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Both warehouses: `archive`, and `dump`, which was built in a copy of its folder."""

    def make_archive(data: Path) -> None:
        shutil.copytree(archive, data, dirs_exist_ok=True)
        write_forecasts(data)
        builder.build(data)

    def make_dump(data: Path) -> None:
        shutil.copytree(built, data, dirs_exist_ok=True)
        convert(sample, data)
        builder.build(data)

    built = make_once(shared_folder / "warehouse_of_archive", make_archive)
    dump = make_once(shared_folder / "sample", make_dump)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{built / 'warehouse.duckdb'}' as archive (read_only)")
        connection.execute(f"attach '{dump / 'warehouse.duckdb'}' as dump (read_only)")
        yield connection


def compared(connection: duckdb.DuckDBPyConnection, table: str, key: list[str]) -> dict[str, int]:
    """How many cells of each column differ, in rows that both have; and the rows that only one has."""
    joined = " and ".join(f"archive_rows.{column} is not distinct from dump_rows.{column}" for column in key)
    columns = [row[0] for row in connection.execute(f"describe archive.{table}").fetchall()]
    sums = [f"count(*) filter (where archive_rows.{one} is distinct from dump_rows.{one})" for one in columns]
    query = f"from archive.{table} as archive_rows join dump.{table} as dump_rows on {joined}"
    found = connection.execute(f"select {', '.join(sums)} {query}").fetchall()[0]
    cells = dict(zip(columns, found, strict=True))
    for name, other in (("archive", "dump"), ("dump", "archive")):
        query = f"from {name}.{table} as {name}_rows anti join {other}.{table} as {other}_rows on {joined}"
        cells[f"only in {name}"] = connection.execute(f"select count(*) {query}").fetchall()[0][0]
    return {column: count for column, count in cells.items() if count}


def compared_raw(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
    """How many cells of each raw column differ, and the rows that only one has, but those of standings.

    The dump has no championship tables.
    """
    found: dict[str, int] = {}
    rows: dict[str, tuple[int, int]] = {}
    for table in read_tables(SOURCES):
        if table.name in WITHOUT_STANDINGS:
            assert connection.execute(f"select count(*) from dump.raw.{table.name}").fetchall() == [(0,)]
            continue
        cells = compared(connection, f"raw.{table.name}", table.key)
        only = (cells.pop("only in archive", 0), cells.pop("only in dump", 0))
        rows |= {table.name: only} if any(only) else {}
        found |= {f"{table.name}.{column}": count for column, count in cells.items()}
    return found, rows


def test_every_raw_cell_is_the_same_or_differs_in_a_known_way(converted: duckdb.DuckDBPyConnection) -> None:
    """With the same ids, by which the rows are joined."""
    found, rows = compared_raw(converted)
    expected = {cell: count for kind in KINDS.values() for cell, count in kind.cells.items()}
    assert found == expected
    assert rows == ROWS


@pytest.mark.slow
def test_every_cell_of_the_marts_is_the_same_or_differs_for_a_known_reason(
    both: duckdb.DuckDBPyConnection, shared_folder: Path
) -> None:
    """Only columns that come from a raw column with a difference may differ."""
    manifest = json.loads((shared_folder / "sample" / ".build" / "target" / "manifest.json").read_text())
    keys = {node["name"]: primary_key(node) for node in contracted(manifest)}
    query = (
        "select table_name from information_schema.tables "
        "where table_catalog = 'dump' and table_schema = 'marts' order by all"
    )
    marts = [name for (name,) in both.execute(query).fetchall() if name not in NOT_COMPARED]
    assert len(marts) > 30
    unexplained = {}
    for mart in marts:
        cells = compared(both, f"marts.{mart}", keys[mart])
        if "only in archive" in cells or "only in dump" in cells:
            cells["rows"] = cells.pop("only in archive", 0) + cells.pop("only in dump", 0)
        _, columns = COLUMNS.get(mart, ("", ""))
        # What the source says stands beside a corrected value, with the reason for the correction.
        others = {
            column: count
            for column, count in cells.items()
            if column.removeprefix("source_") not in columns.split() and not column.endswith("_basis")
        }
        if columns != "*" and others:
            unexplained[mart] = others
    assert unexplained == {}
    assert {kind for kinds, _ in COLUMNS.values() for kind in kinds.split(", ")} <= KINDS.keys() | {
        "standings"
    }


@pytest.mark.slow
def test_championships_are_computed_without_the_tables(both: duckdb.DuckDBPyConnection) -> None:
    """Points, titles and places of drivers and constructors, in seven seasons."""
    for mart, competitor in (("driver_seasons", "driver_id"), ("constructor_seasons", "constructor_id")):
        found = compared(both, f"marts.{mart}", ["season", competitor])
        assert {"points", "is_champion", "points_gross", "wins", "podiums", "poles"}.isdisjoint(found)
    query = "select count(*) from dump.quality.source_anomalies where anomaly_kind = 'standings_missing'"
    assert both.execute(query).fetchall() == [(227,)]


@pytest.mark.slow
def test_a_new_version_starts_only_where_a_result_differs(both: duckdb.DuckDBPyConnection) -> None:
    """The history of results survives the change of the source."""
    differs = " or ".join(f"archive_rows.{one} is distinct from dump_rows.{one}" for one in VERSIONED.split())
    [(changed,)] = both.execute(
        "select count(*) from archive.staging.stg_ergast__results as archive_rows "
        f"join dump.staging.stg_ergast__results as dump_rows using (result_id) where {differs}"
    ).fetchall()
    assert changed == 109
    versions = both.execute(
        "select versions, count(*) from (select count(*) as versions "
        "from dump.snapshots.race_results_history group by result_id) group by all order by all"
    ).fetchall()
    assert versions == [(1, 2_585 - changed), (2, changed)]


# Both at once: the cells in which they differ, by the source that is used.
BOTH = {
    "archive": {
        "circuits.country": 1,
        "circuits.url": 76,
        "constructor_results.(row)": 2,
        "constructor_results.points": 3,
        "drivers.nationality": 3,
        "pit_stops.duration": 1,
        "pit_stops.lap": 1,
        "pit_stops.milliseconds": 1,
        "pit_stops.time": 1,
        "qualifying.number": 13,
        "qualifying.position": 5,
        "qualifying.q1": 1,
        "qualifying.q2": 2,
        "races.url": 1_079,
        "results.fastest_lap": 1,
        "results.fastest_lap_speed": 1,
        "results.fastest_lap_time": 1,
        "results.grid": 17,
        "results.milliseconds": 36,
        "results.position": 2,
        "results.position_text": 6,
        "results.rank": 12,
        "results.status_id": 56,
        "results.time": 429,
        "seasons.url": 74,
        "sprint_results.grid": 1,
        "sprint_results.position_text": 1,
    },
    "jolpica": {
        "drivers.number": 2,
        "qualifying.q1": 1,
        "races.fp1_date": 24,
        "races.fp1_time": 24,
        "races.fp2_date": 24,
        "races.fp2_time": 24,
        "races.fp3_date": 18,
        "races.fp3_time": 18,
        "races.quali_date": 24,
        "races.quali_time": 25,
        "races.sprint_date": 6,
        "races.sprint_time": 7,
        "races.time": 1,
        "results.fastest_lap": 1,
        "results.fastest_lap_time": 1,
        "sprint_results.rank": 20,
    },
}


def test_each_cell_in_which_the_sources_differ_is_a_row(
    real_files: Path, sample: Path, tmp_path: Path
) -> None:
    """With the whole archive. The archive keeps all its rows, and the dump adds one status."""
    must_run(SCRIPTS / "csv_to_parquet.py", real_files, PITWALL_DATA=tmp_path / "archive", **no_engines())
    both = ("--also", sample)
    must_run(SCRIPTS / "csv_to_parquet.py", real_files, *both, PITWALL_DATA=tmp_path / "both", **no_engines())
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select used_source, table_name || '.' || column_name, count(*) "
            f"from '{tmp_path}/both/parquet/source_disagreements.parquet' group by all"
        ).fetchall()
        found: dict[str, dict[str, int]] = {}
        for source, cell, count in rows:
            found.setdefault(source, {})[cell] = count
        assert found == BOTH
        for table in read_tables(SOURCES):
            before, after = (
                connection.execute(
                    f"select count(*) from '{tmp_path}/{name}/parquet/{table.name}.parquet'"
                ).fetchall()[0][0]
                for name in ("archive", "both")
            )
            assert after - before == (1 if table.name == "status" else 0)


# A dump that is written from the whole archive: why its raw cells differ, and how many.
WHOLE = {
    "A dump closes the gap of Brazil 1983. It has places of two cars of 2005, no place of retired cars of "
    "2025, and D for E.": {"results.position": 56, "results.position_text": 14, "sprint_results.position": 4},
    "The archive writes gaps in many forms. No mart has the text.": {"results.time": 3_008},
    "The lap of a fastest-lap time has that time in a dump.": {
        "lap_times.milliseconds": 115,
        "lap_times.time": 115,
    },
    "A dump has the car and the team of the race in qualifying.": {
        "qualifying.constructor_id": 10,
        "qualifying.number": 50,
    },
    "The test writes no other sessions than races.": {
        "races.time": 6,
        "races.fp1_date": 90,
        "races.fp1_time": 68,
        "races.fp2_date": 90,
        "races.fp2_time": 68,
        "races.fp3_date": 72,
        "races.fp3_time": 53,
        "races.quali_date": 108,
        "races.quali_time": 90,
        "races.sprint_date": 21,
        "races.sprint_time": 21,
    },
}
# The test writes no championship tables. In a dump a stop is at a lap.
WHOLE_ROWS = {"constructor_results": (12_805, 0), "pit_stops": (645, 0)}
WHOLE_SAME = (
    "championship_what_if dim_circuits dim_constructors dim_drivers dim_statuses fct_entry_championship "
    "fct_places_gained fct_qualifying_gaps fct_what_if_points lineage_careers team_careers team_mate_careers "
    "team_mate_seasons"
)


@pytest.mark.slow
def test_a_whole_dump_gives_what_the_archive_gives(
    real_files: Path, real_warehouse: Path, builder: Builder, tmp_path: Path
) -> None:
    """A dump of all seasons, written from the archive. The build runs all data tests."""
    data = shutil.copytree(real_warehouse.parent, tmp_path / "data")
    convert(write_dump(real_files, tmp_path / "dump"), data)
    builder.build(data)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{real_warehouse}' as archive (read_only)")
        connection.execute(f"attach '{data / 'warehouse.duckdb'}' as dump (read_only)")
        found, rows = compared_raw(connection)
        assert found == {cell: count for cells in WHOLE.values() for cell, count in cells.items()}
        assert rows == WHOLE_ROWS
        manifest = json.loads((data / ".build" / "target" / "manifest.json").read_text())
        keys = {node["name"]: primary_key(node) for node in contracted(manifest)}
        differ = {mart: compared(connection, f"marts.{mart}", keys[mart]) for mart in WHOLE_SAME.split()}
        assert {mart: cells for mart, cells in differ.items() if cells} == {}
        places = compared(connection, "marts.fct_race_results", ["result_id"])
        assert {"finishing_position", "points", "grid", "laps_completed", "is_started"}.isdisjoint(places)
