"""An incremental build against a full one from the same files: every table of every schema, cell by cell."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from conftest import DBT, SCRIPTS, Builder, must_run, run, simulate

from pitwall.raw.checksums import part_checksums
from pitwall.raw.schema import SOURCES, read_tables
from pitwall.warehouse import changes
from pitwall.warehouse.fingerprint import code_fingerprint

# When a build saw a version of a result; all else of the history must agree.
TIMES = {"dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_scd_id", "revised_at"}

Rows = list[dict[str, str]]


def rewrite(raw: Path, table: str, change: Callable[[Rows], Rows]) -> None:
    """Change the rows of a raw CSV."""
    path = raw / f"{table}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = change(list(reader))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(reader.fieldnames or []))
        writer.writeheader()
        writer.writerows(rows)


def without_race(raw: Path, race: str) -> None:
    """Remove all of a race, itself included."""
    for path in raw.glob("*.csv"):
        if "raceId" in path.read_text(encoding="utf-8").partition("\n")[0]:
            rewrite(raw, path.stem, lambda rows: [row for row in rows if row["raceId"] != race])


def races_of(raw: Path, season: str) -> list[str]:
    """The races of a season, in order."""
    with (raw / "races.csv").open(newline="", encoding="utf-8") as file:
        return [row["raceId"] for row in csv.DictReader(file) if row["year"] == season]


def content(warehouse: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables and views, sorted, by schema and name; less what tells times of a build."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        found: dict[str, list[str]] = {}
        for table, column in connection.execute(
            "select table_schema || '.' || table_name, column_name from information_schema.columns "
            "where table_schema <> 'build' order by table_schema, table_name, ordinal_position"
        ).fetchall():
            found.setdefault(table, [])
            if column not in TIMES:
                found[table].append(f'"{column}"')
        return {
            table: connection.execute(f"select {', '.join(columns)} from {table} order by all").fetchall()
            for table, columns in found.items()
        }


def compare_with_full(builder: Builder, raw: Path, data: Path, plan: str) -> None:
    """Convert, build incrementally by `plan`, and compare with a full build from the same history."""
    must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data)
    whole = data.with_name(f"{data.name}-whole")
    shutil.copytree(data, whole)
    assert f"({plan}" in builder.build(data)
    assert "(full: as you asked)" in builder.build(whole, "--full")
    incremental, full = content(data / "warehouse.duckdb"), content(whole / "warehouse.duckdb")
    assert incremental.keys() == full.keys()
    assert len(full) > 90
    for table, rows in full.items():
        assert incremental[table] == rows, f"{table} differs"


@pytest.fixture(scope="module")
def lacking_a_race(builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `raw`, four simulated seasons, and `data`, a warehouse of them less the last race."""
    folder = tmp_path_factory.mktemp("incremental")
    simulate(4, folder)
    raw = shutil.copytree(folder / "raw", folder / "less")
    without_race(raw, races_of(raw, "2024")[-1])
    builder.warehouse(raw, folder / "data")
    return folder


@pytest.fixture
def place(lacking_a_race: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of it: `less`, the files that the warehouse is from, and `data`."""
    return tuple(shutil.copytree(lacking_a_race / name, tmp_path / name) for name in ("less", "data"))


def test_one_more_race(builder: Builder, lacking_a_race: Path, place: tuple[Path, Path]) -> None:
    compare_with_full(builder, lacking_a_race / "raw", place[1], "incremental: 1 of 4 seasons changed (2024)")


def test_an_old_race_is_revised_and_another_is_gone(builder: Builder, place: tuple[Path, Path]) -> None:
    raw, data = place
    revised = races_of(raw, "2023")[2]

    def add_a_penalty(rows: Rows) -> Rows:
        timed = [row for row in rows if row["raceId"] == revised and row["milliseconds"] != "\\N"]
        last = max(timed, key=lambda row: int(row["milliseconds"]))
        last["milliseconds"] = str(int(last["milliseconds"]) + 5000)
        return rows

    rewrite(raw, "results", add_a_penalty)
    without_race(raw, races_of(raw, "2024")[-1])
    compare_with_full(builder, raw, data, "incremental: 2 of 4 seasons changed (2023, 2024)")


def test_a_season_is_gone(builder: Builder, place: tuple[Path, Path]) -> None:
    raw, data = place
    for race in races_of(raw, "2024"):
        without_race(raw, race)
    rewrite(raw, "seasons", lambda rows: [row for row in rows if row["year"] != "2024"])
    compare_with_full(builder, raw, data, "incremental: 1 of 4 seasons changed (2024)")


def found(raw: Path, data: Path, code: str = "") -> changes.Changes | str:
    """What a build would find after the files are converted, with the code as it is or another."""
    must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data)
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as last:
        parquet = data / "parquet"
        return changes.find_changes(last, parquet, code or code_fingerprint(changes.ROOT))


def first(column: str, value: str) -> Callable[[Rows], Rows]:
    """Set a column of the first row."""
    return lambda rows: [{**rows[0], column: value}, *rows[1:]]


def test_nothing_changed_though_the_rows_are_in_another_order(place: tuple[Path, Path]) -> None:
    raw, data = place
    rewrite(raw, "lap_times", lambda rows: rows[::-1])
    plan = found(raw, data)
    assert isinstance(plan, changes.Changes)
    assert plan.seasons == plan.races == []
    assert plan.summary == "incremental: nothing changed in 4 seasons"


@pytest.mark.parametrize(
    ("table", "change", "reason"),
    [
        ("drivers", first("surname", "Nobody"), "a row of drivers changed, or is gone"),
        ("drivers", lambda rows: rows[:-1], "a row of drivers changed, or is gone"),
        ("status", first("status", "Lost"), "a row of status changed, or is gone"),
        (
            "lap_times",
            first("milliseconds", "99999"),
            "season 2021 changed, with which later seasons are compared",
        ),
        (
            "pit_stops",
            lambda rows: [{**rows[0], "raceId": "99"}, *rows[1:]],
            "rows of pit_stops belong to no race",
        ),
        (
            "drivers",
            lambda rows: [*rows, {**rows[-1], "driverId": "9999", "driverRef": "ascari"}],
            "ascari is new, and a seed names it",
        ),
    ],
    ids=["driver-changed", "driver-gone", "status-changed", "first-season", "no-race", "driver-of-a-seed"],
)
def test_what_concerns_all_seasons_is_built_in_full(
    place: tuple[Path, Path], table: str, change: Callable[[Rows], Rows], reason: str
) -> None:
    raw, data = place
    rewrite(raw, table, change)
    assert found(raw, data) == reason


def test_most_seasons_changed(place: tuple[Path, Path]) -> None:
    raw, data = place
    rewrite(raw, "seasons", lambda rows: [{**row, "url": row["url"] + "?"} for row in rows[1:]] + rows[:1])
    assert found(raw, data) == "3 of 4 seasons changed"


def test_a_new_driver_alone_concerns_no_season(place: tuple[Path, Path]) -> None:
    raw, data = place
    rewrite(raw, "drivers", lambda rows: [*rows, {**rows[-1], "driverId": "9999", "driverRef": "nobody"}])
    assert isinstance(found(raw, data), changes.Changes)


def test_other_code_and_no_record_are_built_in_full(place: tuple[Path, Path]) -> None:
    raw, data = place
    assert found(raw, data, code="another") == "the code changed, or dbt, or DuckDB"
    with duckdb.connect(data / "warehouse.duckdb") as warehouse:
        warehouse.execute("drop schema build cascade")
    assert found(raw, data) == "it is not known what the last warehouse was built from"


def test_a_warehouse_that_lacks_a_table_is_built_in_full(place: tuple[Path, Path]) -> None:
    raw, data = place
    with duckdb.connect(data / "warehouse.duckdb") as warehouse:
        warehouse.execute("drop table marts.dim_races cascade")
    assert found(raw, data) == "the last warehouse lacks a table or a column"


def test_unit_tests_are_not_run_on_a_part(place: tuple[Path, Path], fake_dbt: Callable[[str], Path]) -> None:
    """They need a full build. The plan is printed before dbt starts, so a dbt that fails will do."""
    _, data = place
    (data / ".build" / "target" / "unit_tests_passed").unlink()
    failed = run(SCRIPTS / "build.py", PITWALL_DATA=data, PYTHONPATH=fake_dbt("def cli(): return 1"))
    assert "(full: the unit tests have to run)" in failed.stdout


def test_a_race_is_told_by_its_rows_wherever_they_are(tmp_path: Path) -> None:
    [table] = [each for each in read_tables(SOURCES) if each.name == "pit_stops"]

    def parts(*laps: tuple[int, int, int]) -> dict[int, tuple[int, int]]:
        rows = {column.name: pl.Series([None] * len(laps), dtype=column.dtype) for column in table.columns}
        for name, values in zip(("race_id", "driver_id", "lap"), zip(*laps, strict=True), strict=True):
            rows[name] = pl.Series(values, dtype=pl.Int32)
        pl.DataFrame(rows).write_parquet(tmp_path / "pit_stops.parquet")
        found = part_checksums(table, tmp_path / "pit_stops.parquet")
        return {part: (count, checksum) for _, part, count, checksum in found.iter_rows()}

    one = parts((1, 7, 8), (1, 8, 7), (2, 7, 8))
    assert one == parts((2, 7, 8), (1, 8, 7), (1, 7, 8))
    swapped = parts((1, 7, 7), (1, 8, 8), (2, 7, 8))
    assert one[1] != swapped[1]
    assert one[2] == swapped[2]
    assert one[1] != parts((1, 7, 8), (1, 7, 8))[1]
    assert one[2] != parts((2, 7, 8), (2, 7, 8))[2]


def models_in_blocks(data: Path) -> list[dict[str, Any]]:
    """The models that are filled some seasons at a time, as the manifest of the last build has them."""
    manifest = json.loads((data / ".build/target/manifest.json").read_text(encoding="utf-8"))
    return [
        node for node in manifest["nodes"].values() if "seasons_in_block" in node["config"].get("meta", {})
    ]


def test_blocks_of_seasons_are_the_whole(lacking_a_race: Path, tmp_path: Path) -> None:
    """The models that read all laps, filled one season at a time instead of all at once."""
    whole, data = lacking_a_race / "data" / "warehouse.duckdb", tmp_path / "data"
    warehouse = shutil.copytree(lacking_a_race / "data", data) / "warehouse.duckdb"
    names = {model["name"] for model in models_in_blocks(data)}
    assert names > {"fct_race_laps", "fct_stints", "fct_undercuts"}
    with duckdb.connect(warehouse) as connection:
        for name in names:
            connection.execute(f"delete from marts.{name}")
    options = ["--vars", "seasons_in_block: 1", "--target-path", tmp_path / "target"]
    must_run(DBT, "run", "--select", *names, *options, PITWALL_DATA=data)
    ran = {
        path.stem: path.read_text(encoding="utf-8") for path in (tmp_path / "target" / "run").rglob("*.sql")
    }
    assert set(ran) == names
    for name, sql in ran.items():
        assert sql.count("insert into") == 4, name
        for season in (2021, 2022, 2023, 2024):
            assert sql.count(f"set variable seasons = [{season}];") == 1, name
    expected, built = content(whole), content(warehouse)
    for table, rows in expected.items():
        assert built[table] == rows, f"{table} differs"


def test_a_model_in_blocks_reads_single_seasons(lacking_a_race: Path) -> None:
    """An input without the filter would be read again for each block, and its rows repeated."""
    models = models_in_blocks(lacking_a_race / "data")
    assert len(models) == 5
    for model in models:
        assert model["config"]["materialized"] == "by_season"
        assert model["config"]["contract"]["enforced"]
        of_season = [each["type"] for each in model["columns"]["season"]["constraints"]]
        assert "not_null" in of_season, f"{model['name']}: rows without a season would be in no block"
        reads = model["raw_code"].count("ref(")
        assert model["raw_code"].count("in_changed_seasons()") == reads, model["name"]


def test_models_read_no_more_and_no_less_than_changed(lacking_a_race: Path) -> None:
    """A by-season model reads single seasons of other such tables; any other reads whole tables only."""
    target = lacking_a_race / "data" / ".build" / "target"
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    nodes = manifest["nodes"] | manifest["sources"]

    def is_view(name: str) -> bool:
        return name.startswith("model.") and nodes[name]["config"]["materialized"] == "view"

    def is_by_season(name: str) -> bool:
        return name.startswith("model.") and nodes[name]["config"]["materialized"] == "by_season"

    def limited(name: str) -> set[str]:
        """The raw tables that a model reads, directly or by views, and of which an incremental run shows only
        the changed races."""
        found = set()
        for parent in nodes[name]["depends_on"]["nodes"]:
            if is_view(parent):
                found |= limited(parent)
            elif parent.startswith("source.") and nodes[parent]["name"] != "races":
                found |= {parent} if "race_id" in nodes[parent]["columns"] else set()
        return found

    by_season = [name for name in nodes if is_by_season(name)]
    whole = [
        name
        for name, node in nodes.items()
        if name.startswith("model.") and node["config"]["materialized"] == "table"
    ]
    assert len(by_season) > 30
    assert len(whole) > 10
    for name in whole:
        assert not limited(name), f"{nodes[name]['name']} has all seasons"
    for name in by_season:
        assert "season" in nodes[name]["columns"], name
        assert nodes[name]["raw_code"].startswith("{{ config(materialized='by_season'"), name
        for parent in filter(is_by_season, nodes[name]["depends_on"]["nodes"]):
            read = rf"ref\('{nodes[parent]['name']}'\) }}}}\n    where .*in_changed_seasons"
            assert re.search(read, nodes[name]["raw_code"]), f"{nodes[name]['name']} reads all of {parent}"
