"""An incremental build gives the same cells as a full build from the same files, in every table."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from conftest import (
    DBT,
    SCRIPTS,
    Builder,
    Rows,
    copy_data_folder,
    must_run,
    races_of,
    remove_race,
    rewrite,
    run,
    simulate,
    write_forecasts,
)
from jolpica_dump import write_dump
from test_ledger import ROW

from pitwall.prediction import ledger
from pitwall.raw.checksums import part_checksums
from pitwall.raw.predictions import ledger_fingerprint
from pitwall.raw.schema import SOURCES, read_tables
from pitwall.warehouse import changes
from pitwall.warehouse.fingerprint import code_fingerprint

# Columns of the history that depend on the time of a build. All other columns must agree.
TIMES = {"dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_scd_id", "revised_at"}


def content(warehouse: Path) -> dict[str, tuple[int, int]]:
    """The number of rows and the sum of their hashes of each table and view, by schema and name.

    Without what a build records and TIMES. Any other value in a cell makes another sum.
    """
    with duckdb.connect(warehouse, read_only=True) as connection:
        columns_of: dict[str, list[str]] = {}
        for table, column in connection.execute(
            "select table_schema || '.' || table_name, column_name from information_schema.columns "
            "where table_schema not in ('build', 'ops') and table_name not like 'stg_ops%' "
            "order by table_schema, table_name, ordinal_position"
        ).fetchall():
            columns_of.setdefault(table, [])
            if column not in TIMES:
                columns_of[table].append(f'"{column}"')
        found = {}
        for table, columns in columns_of.items():
            query = f"select count(*), coalesce(sum(hash({', '.join(columns)})), 0) from {table}"
            [(rows, hashes)] = connection.execute(query).fetchall()
            found[table] = rows, hashes
        return found


def compare_with_full(
    builder: Builder, raw: Path, data: Path, plan: str, *options: str | Path
) -> tuple[dict[str, tuple[int, int]], str]:
    """Convert, build incrementally by `plan`, and compare with a full build from the same history.

    Returns the content of each table, and what the incremental build printed.
    """
    must_run(SCRIPTS / "csv_to_parquet.py", raw, *options, PITWALL_DATA=data)
    full_data = data.with_name(f"{data.name}-full")
    copy_data_folder(data, full_data)
    output = builder.build(data)
    assert f"({plan}" in output
    assert "(full: as you asked)" in builder.build(full_data, "--full", has_data_tests=False)
    incremental, full = content(data / "warehouse.duckdb"), content(full_data / "warehouse.duckdb")
    assert incremental.keys() == full.keys()
    assert len(full) > 90
    for table, rows in full.items():
        assert incremental[table] == rows, f"{table} differs"
    return full, output


def check_what_ran(data: Path, *sources: str) -> None:
    """Check that the last build ran what depends on these sources, no seed, no view, and nothing else."""
    target = data / ".build" / "target"
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    readers = {
        name for name in manifest["sources"] if name.startswith(tuple(f"source.pitwall.{s}" for s in sources))
    }
    while new := {child for reader in readers for child in manifest["child_map"][reader]} - readers:
        readers |= new
    kinds = ("model.", "seed.", "snapshot.", "test.")
    configs = {name: manifest["nodes"][name]["config"] for name in readers if name.startswith(kinds)}
    expected = {
        name
        for name, config in configs.items()
        if config["materialized"] != "view" and config["meta"].get("merged") is not True
    }
    assert {result["unique_id"] for result in results if result["unique_id"].startswith(kinds)} == expected
    # The tests of views are among them.
    assert any(f"merged_{layer}_" in name for name in expected for layer in ("int", "stg"))


@pytest.fixture
def raw_and_data(simulated_warehouse: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Copies of the raw files of the seasons 2021 to 2025, and of the data folder built from them."""
    built = simulated_warehouse.parent
    raw = shutil.copytree(built / "raw", tmp_path / "raw")
    return raw, copy_data_folder(built, tmp_path / "data", "raw")


@pytest.mark.slow
def test_optional_files_are_built_incrementally(builder: Builder, raw_and_data: tuple[Path, Path]) -> None:
    """They have no ids: a flag belongs to the season of its race name, an accident to that of its date."""
    raw, data = raw_and_data
    with (raw / "races.csv").open(encoding="utf-8", newline="") as file:
        all_names = [(row["year"], row["name"]) for row in csv.DictReader(file)]
    names = [name for name in all_names if all_names.count(name) == 1]  # two races of 2021 share one
    of_2025 = [name for year, name in names if year == "2025"]
    safety_cars = ["Race,Cause,Deployed,Retreated,FullLaps"]
    safety_cars += [
        f"{year} {name},Accident,{lap + 2},{lap + 6}.0,3" for lap, (year, name) in enumerate(names)
    ]
    red_flags = ["Race,Lap,Resumed,Incident,Excluded"]
    red_flags += [f"{year} {name},9,R,Rain.," for year, name in names[::5]]
    virtual = {f"{year} {name}": [20, 21] for year, name in names[::3]}
    drivers = ["Driver,Age,Date Of Accident,Event,Car,Session", "Bo Bolt,,10/5/22,Test at Spa,March,Test"]
    drivers += [f"Ann Arrow,29,6/18/25,2025 {of_2025[0]},March,Race"]
    marshals = ["Name,Age,Date Of Accident,Event", f"Cy Crane,38,9/10/25,2025 {of_2025[1]}"]

    def write() -> None:
        (raw / "fatal_accidents_drivers.csv").write_text("\n".join(drivers) + "\n", encoding="utf-8")
        (raw / "fatal_accidents_marshalls.csv").write_text("\n".join(marshals) + "\n", encoding="utf-8")
        (raw / "safety_cars.csv").write_text("\n".join(safety_cars) + "\n", encoding="utf-8")
        (raw / "red_flags.csv").write_text("\n".join(red_flags) + "\n", encoding="utf-8")
        (raw / "virtual_safety_car_estimates.json").write_text(
            json.dumps(virtual, indent=1), encoding="utf-8"
        )

    def build() -> str:
        must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data)
        return builder.build(data)

    write()
    assert "has its first rows, or none left)" in build()
    safety_cars = [row for row in safety_cars if f"2025 {of_2025[0]}," not in row]
    safety_cars += [f"2025 {of_2025[1]},Rain,50,,1", "2025 Moon Grand Prix,Rain,50,,1"]
    red_flags += [f"2025 {of_2025[2]},12,S,A crash.,"]
    virtual[f"2025 {of_2025[3]}"] = [7]
    drivers[-1] = drivers[-1].replace("29", "30")
    marshals.append(f"Di Dale,40,9/10/25,2025 {of_2025[2]}")
    write()
    compare_with_full(builder, raw, data, "incremental: 1 of 5 seasons changed (2025)")
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        unknown = connection.execute(
            "select seen, season from quality.source_anomalies where anomaly_kind = 'race_name_unknown'"
        ).fetchall()
        accidents = connection.execute(
            "select person_name, age_at_death from marts.fct_fatal_accidents order by person_name"
        ).fetchall()
    assert unknown == [("2025 Moon Grand Prix", None)]
    assert accidents == [("Ann Arrow", 30), ("Bo Bolt", None), ("Cy Crane", 38), ("Di Dale", 40)]
    check_what_ran(data, "racedata", "pitwall", "ops")
    (raw / "red_flags.csv").unlink()
    assert "(full: red_flags has its first rows, or none left)" in build()


@pytest.mark.slow
def test_a_changed_dump_is_built_incrementally(
    builder: Builder, simulated_warehouse: Path, raw_and_data: tuple[Path, Path]
) -> None:
    """The archive has no laps and stops of a race of 2025. Then the dump changes a race time and a lap."""
    raw, data = raw_and_data
    race = races_of(raw, "2025")[0]
    dump = write_dump(raw, data.with_name("dump"), "2025")
    for table in ("lap_times", "pit_stops"):
        rewrite(raw, table, lambda rows: [row for row in rows if row["raceId"] != race])
    must_run(SCRIPTS / "csv_to_parquet.py", raw, "--also", dump, PITWALL_DATA=data)
    assert "(incremental: 1 of 5 seasons changed (2025))" in builder.build(data)
    before = content(data / "warehouse.duckdb")
    laps, _ = content(simulated_warehouse)["marts.fct_lap_times"]
    assert before["marts.fct_lap_times"][0] == laps, "the dump has the laps"

    def change_time(rows: Rows, **where: str) -> Rows:
        """Change the last digit of the first time in such a row."""
        row = next(row for row in rows if row["time"] and where.items() <= row.items())
        row["time"] = row["time"][:-1] + ("1" if row["time"][-1] == "0" else "0")
        return rows

    rewrite(
        dump,
        "formula_one_sessionentry",
        partial(change_time, session_id=f"{race}0", position="2", status="0"),
    )
    rewrite(dump, "formula_one_lap", partial(change_time, number="5", is_entry_fastest_lap="f"))
    plan = "incremental: 1 of 5 seasons changed (2025)"
    after, _ = compare_with_full(builder, raw, data, plan, "--also", dump)
    changed = {table for table, rows in after.items() if rows != before[table]}
    assert {"quality.source_disagreements", "marts.fct_lap_times"} <= changed
    assert "marts.fct_race_results" not in changed, "the archive is used where it has a value"
    check_what_ran(data, "ergast.lap_times", "pitwall", "ops")


def test_a_new_season_and_a_revised_and_a_removed_race_are_built_incrementally(
    builder: Builder, simulated_warehouse: Path, raw_and_data: tuple[Path, Path]
) -> None:
    """In the season before the new one, a race was removed, and a result got a penalty.

    Forecasts are new as well: they belong to no changed season.
    """
    _, data = raw_and_data
    simulate(6, data.with_name("next"))
    raw = data.with_name("next") / "raw"
    race, *_, removed = races_of(raw, "2025")
    before: dict[str, str] = {}

    def add_penalty(rows: Rows) -> Rows:
        timed = [row for row in rows if row["raceId"] == race and row["milliseconds"] != "\\N"]
        last = max(timed, key=lambda row: int(row["milliseconds"]))
        before.update(last)
        last["milliseconds"] = str(int(last["milliseconds"]) + 5000)
        return rows

    rewrite(raw, "results", add_penalty)
    remove_race(raw, removed)
    must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data)
    write_forecasts(data)
    plan = "incremental: 2 of 6 seasons changed (2025, 2026)"
    _, output = compare_with_full(builder, raw, data, plan)
    built_from = simulated_warehouse.parent / "raw"
    changed = [
        path.stem for path in raw.glob("*.csv") if path.read_bytes() != (built_from / path.name).read_bytes()
    ]
    assert {"results", "lap_times", "races"} <= set(changed) < {path.stem for path in raw.glob("*.csv")}
    check_what_ran(data, *(f"ergast.{table}" for table in changed), "pitwall", "ops", "predictions")
    scored = "select count(*) from marts.fct_predictions where is_scored and season = 2026"
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        assert connection.execute(scored).fetchall() > [(100,)]

    # The new season has no rules in the seeds. It has those of the season before, and a warning says so.
    named = "Season 2026 has no rules in seeds/championship_periods.csv: those of 2025 are assumed."
    assert output.count(named) == 1
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        assumed = connection.execute(
            "select championship, season, rules_of_season from intermediate.int_championship__rules "
            "where is_assumed order by championship"
        ).fetchall()
    assert assumed == [("constructors", 2026, 2025), ("drivers", 2026, 2025)]

    # The penalty is a revision, with both values.
    result, time = int(before["resultId"]), int(before["milliseconds"])
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        versions = connection.execute(
            "select time_ms, dbt_valid_to is null, "
            "dbt_valid_from = lag(dbt_valid_to) over (order by dbt_valid_from) "
            "from snapshots.race_results_history where result_id = ? order by dbt_valid_from",
            [result],
        ).fetchall()
        revisions = connection.execute(
            "select result_id, revised_column, value_before, value_after from marts.fct_result_revisions"
        ).fetchall()
    assert versions == [(time, False, None), (time + 5000, True, True)]
    assert revisions == [(result, "time_ms", str(time), str(time + 5000))]


@pytest.mark.slow
def test_a_removed_season_is_built_incrementally(builder: Builder, raw_and_data: tuple[Path, Path]) -> None:
    raw, data = raw_and_data
    for race in races_of(raw, "2025"):
        remove_race(raw, race)
    rewrite(raw, "seasons", lambda rows: [row for row in rows if row["year"] != "2025"])
    compare_with_full(builder, raw, data, "incremental: 1 of 5 seasons changed (2025)")


@pytest.mark.slow
def test_a_new_race_is_built_incrementally(builder: Builder, raw_and_data: tuple[Path, Path]) -> None:
    raw, data = raw_and_data
    all_races = shutil.copytree(raw, data.with_name("all"))
    remove_race(raw, races_of(raw, "2025")[-1])
    must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data)
    builder.build(data)
    compare_with_full(builder, all_races, data, "incremental: 1 of 5 seasons changed (2025)")


@pytest.mark.slow
def test_a_moved_warehouse_is_built_without_any_season(
    builder: Builder, simulated_warehouse: Path, raw_and_data: tuple[Path, Path]
) -> None:
    """Its views named the files in the old folder."""
    _, data = raw_and_data
    assert "(incremental: nothing changed in 5 seasons)" in builder.build(data)
    assert content(data / "warehouse.duckdb") == content(simulated_warehouse)


def plan_of(raw: Path, data: Path, code: str = "") -> changes.Changes | str:
    """Convert the files. Return the changes that a build would find, or its reason for a full build.

    `code` replaces the fingerprint of the code.
    """
    must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data)
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as last:
        parquet = data / "parquet"
        code = code or code_fingerprint(changes.ROOT)
        return changes.find_changes(last, parquet, code, ledger_fingerprint(data))


def set_in_first_row(column: str, value: str) -> Callable[[Rows], Rows]:
    """Set a column of the first row."""
    return lambda rows: [{**rows[0], column: value}, *rows[1:]]


def test_another_order_of_the_rows_is_no_change(raw_and_data: tuple[Path, Path]) -> None:
    raw, data = raw_and_data
    rewrite(raw, "lap_times", lambda rows: rows[::-1])
    plan = plan_of(raw, data)
    assert isinstance(plan, changes.Changes)
    assert plan.seasons == plan.races == []
    assert plan.summary == "incremental: nothing changed in 5 seasons"


@pytest.mark.parametrize(
    ("table", "change", "reason"),
    [
        ("drivers", set_in_first_row("surname", "Nobody"), "a row of drivers changed, or is gone"),
        ("drivers", lambda rows: rows[:-1], "a row of drivers changed, or is gone"),
        ("status", set_in_first_row("status", "Lost"), "a row of status changed, or is gone"),
        (
            "lap_times",
            set_in_first_row("milliseconds", "99999"),
            "season 2021 changed, with which later seasons are compared",
        ),
        (
            "pit_stops",
            lambda rows: [{**rows[0], "raceId": "999"}, *rows[1:]],
            "rows of pit_stops belong to no race",
        ),
        (
            "drivers",
            lambda rows: [*rows, {**rows[-1], "driverId": "9999", "driverRef": "ascari"}],
            "ascari is new, and a seed names it",
        ),
    ],
    ids=["driver-changed", "driver-removed", "status-changed", "first-season", "no-race", "driver-of-a-seed"],
)
def test_a_change_that_affects_all_seasons_needs_a_full_build(
    raw_and_data: tuple[Path, Path], table: str, change: Callable[[Rows], Rows], reason: str
) -> None:
    raw, data = raw_and_data
    rewrite(raw, table, change)
    assert plan_of(raw, data) == reason


def test_changes_in_most_seasons_need_a_full_build(raw_and_data: tuple[Path, Path]) -> None:
    raw, data = raw_and_data
    rewrite(raw, "seasons", lambda rows: [{**row, "url": row["url"] + "?"} for row in rows[1:]] + rows[:1])
    assert plan_of(raw, data) == "4 of 5 seasons changed"


def read_from(data: Path, old: Path) -> None:
    """Let the raw views of a warehouse that was copied from another folder read the files in its own."""
    with duckdb.connect(data / "warehouse.duckdb") as warehouse:
        views = warehouse.execute(
            "select sql from duckdb_views() where schema_name = 'raw' and view_name <> 'ledger'"
        ).fetchall()
        for (sql,) in views:
            assert str(old) in sql
            warehouse.execute(
                sql.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1).replace(str(old), str(data))
            )


def test_a_build_without_changes_does_not_start_dbt(
    simulated_warehouse: Path,
    raw_and_data: tuple[Path, Path],
    fake_dbt: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    """With a dbt that fails: it is started if a row, a file, a forecast or the folder changed."""
    raw, data = raw_and_data
    environment = {"PYTHONPATH": fake_dbt("def cli(): return 1")}

    def starts_dbt(folder: Path = data) -> bool:
        last = (folder / "warehouse.duckdb").stat()
        result = run(SCRIPTS / "build.py", PITWALL_DATA=folder, **environment)
        now = (folder / "warehouse.duckdb").stat()
        assert (now.st_ino, now.st_mtime_ns) == (last.st_ino, last.st_mtime_ns)
        assert result.returncode == (0 if "is ready" in result.stdout else 2), result.stdout
        return result.returncode != 0

    def keep_record() -> None:
        """A failed build removes the record of the unit tests, after which the next build is full."""
        shutil.copy(tmp_path / "record", data / ".build" / "target" / "unit_tests_passed")

    must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data)
    read_from(data, simulated_warehouse.parent)
    shutil.copy(data / ".build" / "target" / "unit_tests_passed", tmp_path / "record")
    assert not starts_dbt()
    must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data)
    assert not starts_dbt()

    forecast = ledger.append(data, [ROW])
    assert starts_dbt()
    forecast.unlink()
    keep_record()
    assert not starts_dbt()

    moved = copy_data_folder(data, tmp_path / "moved")
    assert starts_dbt(moved)

    manifest = data / "parquet" / "load_manifest.parquet"
    rows = pl.read_parquet(manifest)
    rows.with_columns(rows_short=pl.col("rows_short") + 1).write_parquet(manifest)
    assert starts_dbt()
    rows.write_parquet(manifest)
    keep_record()
    assert not starts_dbt()

    rewrite(raw, "drivers", lambda rows: [*rows, {**rows[-1], "driverId": "9999", "driverRef": "nobody"}])
    must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data)
    assert starts_dbt()


@pytest.mark.slow
def test_a_changed_ledger_alone_builds_what_reads_it_and_nothing_else(
    builder: Builder, simulated_warehouse: Path, raw_and_data: tuple[Path, Path]
) -> None:
    _, data = raw_and_data
    warehouse = data / "warehouse.duckdb"
    read_from(data, simulated_warehouse.parent)
    before = content(warehouse)
    [file, *_] = sorted((data / "predictions").glob("*.parquet"))
    ledger.append(data, pl.read_parquet(file).with_columns(model_version=pl.lit("3")))
    assert "(incremental: only the ledger changed)" in builder.build(data)

    check_what_ran(data, "predictions")

    after = content(warehouse)
    changed = {table.partition(".")[2] for table, rows in after.items() if before[table] != rows}
    assert {"ledger", "fct_predictions"} <= changed
    assert not changed & {"fct_race_results", "fct_race_laps", "stg_ergast__results"}


def test_a_new_driver_alone_needs_no_full_build(raw_and_data: tuple[Path, Path]) -> None:
    raw, data = raw_and_data
    rewrite(raw, "drivers", lambda rows: [*rows, {**rows[-1], "driverId": "9999", "driverRef": "nobody"}])
    assert isinstance(plan_of(raw, data), changes.Changes)


def test_other_code_or_a_missing_record_needs_a_full_build(raw_and_data: tuple[Path, Path]) -> None:
    raw, data = raw_and_data
    assert plan_of(raw, data, code="another") == "the code changed, or dbt, or DuckDB"
    with duckdb.connect(data / "warehouse.duckdb") as warehouse:
        warehouse.execute("drop schema build cascade")
    assert plan_of(raw, data) == "it is not known what the last warehouse was built from"


def test_a_missing_table_needs_a_full_build(raw_and_data: tuple[Path, Path]) -> None:
    raw, data = raw_and_data
    with duckdb.connect(data / "warehouse.duckdb") as warehouse:
        warehouse.execute("drop table marts.dim_races cascade")
    assert plan_of(raw, data) == "the last warehouse lacks a table or a column"


def test_unit_tests_need_a_full_build(
    raw_and_data: tuple[Path, Path], fake_dbt: Callable[[str], Path]
) -> None:
    """build.py prints the plan before dbt starts, so a dbt that fails is enough here."""
    _, data = raw_and_data
    (data / ".build" / "target" / "unit_tests_passed").unlink()
    failed = run(SCRIPTS / "build.py", PITWALL_DATA=data, PYTHONPATH=fake_dbt("def cli(): return 1"))
    assert "(full: the unit tests have to run)" in failed.stdout


def test_the_checksum_of_a_race_depends_on_its_rows_but_not_on_their_order(tmp_path: Path) -> None:
    [table] = [each for each in read_tables(SOURCES) if each.name == "pit_stops"]

    def checksums(*laps: tuple[int, int, int]) -> dict[int, tuple[int, int]]:
        rows = {column.name: pl.Series([None] * len(laps), dtype=column.dtype) for column in table.columns}
        for name, values in zip(("race_id", "driver_id", "lap"), zip(*laps, strict=True), strict=True):
            rows[name] = pl.Series(values, dtype=pl.Int32)
        pl.DataFrame(rows).write_parquet(tmp_path / "pit_stops.parquet")
        rows_of_parts = part_checksums(table, tmp_path / "pit_stops.parquet")
        return {part: (count, checksum) for _, part, count, checksum in rows_of_parts.iter_rows()}

    original = checksums((1, 7, 8), (1, 8, 7), (2, 7, 8))
    assert original == checksums((2, 7, 8), (1, 8, 7), (1, 7, 8))
    swapped = checksums((1, 7, 7), (1, 8, 8), (2, 7, 8))
    assert original[1] != swapped[1]
    assert original[2] == swapped[2]
    assert original[1] != checksums((1, 7, 8), (1, 7, 8))[1]
    assert original[2] != checksums((2, 7, 8), (2, 7, 8))[2]


def models_in_blocks(data: Path) -> list[dict[str, Any]]:
    """The models that are filled in blocks of seasons, from the manifest of the last build."""
    manifest = json.loads((data / ".build/target/manifest.json").read_text(encoding="utf-8"))
    return [
        node for node in manifest["nodes"].values() if "seasons_in_block" in node["config"].get("meta", {})
    ]


@pytest.mark.slow
def test_filling_in_blocks_gives_the_same_rows(simulated_warehouse: Path, tmp_path: Path) -> None:
    """Fill the models that read all laps one season at a time, instead of all seasons at once."""
    original, data = simulated_warehouse, tmp_path / "data"
    warehouse = copy_data_folder(simulated_warehouse.parent, data) / "warehouse.duckdb"
    models = {model["name"]: model["schema"] for model in models_in_blocks(data)}
    names = models.keys()
    assert names > {"fct_race_laps", "fct_stints", "fct_undercuts"}
    with duckdb.connect(warehouse) as connection:
        for name, schema in models.items():
            connection.execute(f"delete from {schema}.{name}")
    options = ["--vars", "seasons_in_block: 1", "--target-path", tmp_path / "target"]
    must_run(DBT, "run", "--select", *names, *options, PITWALL_DATA=data)
    ran = {
        path.stem: path.read_text(encoding="utf-8") for path in (tmp_path / "target" / "run").rglob("*.sql")
    }
    assert set(ran) == names
    for name, sql in ran.items():
        # Without a contract the first block creates the table.
        assert sql.count("insert into") == (5 if models[name] == "marts" else 4), name
        for season in range(2021, 2026):
            assert sql.count(f"set variable seasons = [{season}];") == 1, name
    expected, built = content(original), content(warehouse)
    for table, rows in expected.items():
        assert built[table] == rows, f"{table} differs"


def test_a_model_in_blocks_filters_all_inputs_by_season(simulated_warehouse: Path) -> None:
    """An unfiltered input would be read again for each block, and its rows repeated.

    Dimensions without a season are joined for their names, and raw pit stops to races of the block: they
    repeat no row.
    """
    data = simulated_warehouse.parent
    manifest = json.loads((data / ".build/target/manifest.json").read_text(encoding="utf-8"))
    tests = {node["name"] for node in manifest["nodes"].values()}
    models = models_in_blocks(data)
    assert len(models) == 7
    for model in models:
        assert model["config"]["materialized"] == "by_season"
        # Rows without a season would be in no block.
        if model["schema"] == "marts":
            assert model["config"]["contract"]["enforced"]
            assert "not_null" in [each["type"] for each in model["columns"]["season"]["constraints"]]
        else:
            assert f"not_null_{model['name']}_season" in tests
        without_season = "dim_(?:drivers|constructors|circuits)|stg_ergast__pit_stops"
        reads = re.findall(rf"ref\('(?!(?:{without_season})')\w+'", model["raw_code"])
        assert model["raw_code"].count("in_changed_seasons()") == len(reads), model["name"]


def test_by_season_models_and_no_others_read_single_seasons(simulated_warehouse: Path) -> None:
    """A by-season model filters its by-season inputs. Any other model reads whole tables only."""
    target = simulated_warehouse.parent / ".build" / "target"
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    nodes = manifest["nodes"] | manifest["sources"]

    def is_view(name: str) -> bool:
        return name.startswith("model.") and nodes[name]["config"]["materialized"] == "view"

    def is_by_season(name: str) -> bool:
        return name.startswith("model.") and nodes[name]["config"]["materialized"] == "by_season"

    def limited_tables(name: str) -> set[str]:
        """The raw tables that a model reads, directly or through views, and of which an incremental build
        shows only the changed races.
        """
        tables = set()
        for parent in nodes[name]["depends_on"]["nodes"]:
            if is_view(parent):
                tables |= limited_tables(parent)
            elif parent.startswith("source.") and nodes[parent]["name"] != "races":
                tables |= {parent} if "race_id" in nodes[parent]["columns"] else set()
        return tables

    by_season = [name for name in nodes if is_by_season(name)]
    table_models = [
        name
        for name, node in nodes.items()
        if name.startswith("model.") and node["config"]["materialized"] == "table"
    ]
    assert len(by_season) > 30
    assert len(table_models) > 10
    for name in table_models:
        assert not limited_tables(name), f"{nodes[name]['name']} needs all seasons"
    for name in by_season:
        assert "season" in nodes[name]["columns"], name
        assert nodes[name]["raw_code"].startswith("{{ config(materialized='by_season'"), name
        for parent in filter(is_by_season, nodes[name]["depends_on"]["nodes"]):
            read = rf"ref\('{nodes[parent]['name']}'\) }}}}\n    where .*in_changed_seasons"
            assert re.search(read, nodes[name]["raw_code"]), f"{nodes[name]['name']} reads all of {parent}"
