"""An incremental build against a full one from the same files: every table of every schema, cell by cell."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from conftest import SCRIPTS, must_run

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


def build(data: Path, *options: str) -> str:
    """Build, and return what it said."""
    return must_run(SCRIPTS / "build.py", *options, PITWALL_DATA=data)


def compare_with_full(raw: Path, data: Path, said: str) -> None:
    """Convert, build incrementally as told by `said`, and compare with a full build from the same history."""
    must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data)
    whole = data.with_name(f"{data.name}-whole")
    shutil.copytree(data, whole)
    assert f"({said}" in build(data)
    assert "(full: as you asked)" in build(whole, "--full")
    incremental, full = content(data / "warehouse.duckdb"), content(whole / "warehouse.duckdb")
    assert incremental.keys() == full.keys()
    assert len(full) > 90
    for table, rows in full.items():
        assert incremental[table] == rows, f"{table} differs"


@pytest.fixture(scope="module")
def lacking_a_race(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `raw`, four simulated seasons, and `data`, a warehouse of them less the last race."""
    folder = tmp_path_factory.mktemp("incremental")
    must_run(SCRIPTS / "simulate.py", "--seasons", "4", folder / "raw")
    raw = shutil.copytree(folder / "raw", folder / "less")
    without_race(raw, races_of(raw, "2024")[-1])
    must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=folder / "data")
    build(folder / "data")
    return folder


@pytest.fixture
def place(lacking_a_race: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of it: `less`, the files that the warehouse is from, and `data`."""
    return tuple(shutil.copytree(lacking_a_race / name, tmp_path / name) for name in ("less", "data"))


def test_one_more_race(lacking_a_race: Path, place: tuple[Path, Path]) -> None:
    compare_with_full(lacking_a_race / "raw", place[1], "incremental: 1 of 4 seasons changed (2024)")
