"""Any order of commands, in a folder of any name, leaves a good warehouse and a whole history.

Hypothesis draws the name of the data folder and the commands. They run in this process, with a stand-in for
dbt that builds the views, a few marts and the history from the converted files.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest
from conftest import LONG
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import build
import convert_input
import csv_to_parquet
import simulate
from pitwall.warehouse.sql import glob_pattern, literal

RACES = 2  # of the small dump
HISTORY = "snapshots.race_results_history"
COMMANDS = (
    "older",
    "newer",
    "revised",
    "other",
    "simulated",
    "plain",
    "empty",
    "fails",
    "interrupted",
    "killed",
)


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small folders of CSVs: dumps of one championship, one of another, and a simulated one."""
    folder = tmp_path_factory.mktemp("dumps")
    source = folder / "whole"
    simulate.main(["--seasons", "1", str(source)])
    found = {name: folder / name for name in ("older", "newer", "revised", "other", "simulated")}
    for name, path in found.items():
        shutil.copytree(source, path)
        races = 1 if name == "older" else RACES
        for csv in path.glob("*.csv"):
            header, *rows = csv.read_text(encoding="utf-8").splitlines(keepends=True)
            columns = header.strip().split(",")
            if "raceId" in columns:
                place = columns.index("raceId")
                rows = [row for row in rows if int(row.split(",")[place]) <= races]
            if name == "revised" and csv.name == "results.csv":
                place = columns.index("points")
                cells = rows[0].split(",")
                cells[place] = "99"
                rows[0] = ",".join(cells)
            if name == "other" and csv.name == "results.csv":
                rows = [str(int(row.partition(",")[0]) + 5000) + "," + row.partition(",")[2] for row in rows]
            text = "".join([header, *rows])
            if name != "simulated":
                text = text.replace("example.org", "example.com")
            csv.write_text(text, encoding="utf-8")
    return found


def stand_in(data: Path, connection: dict[str, str], target: Path, command: str) -> str:
    """What dbt leaves: views of the raw files, marts and the history. Returns why it failed."""
    parquet = data / "parquet"
    with duckdb.connect(connection["PITWALL_WAREHOUSE"]) as warehouse:
        for schema in ("raw", "marts", "snapshots"):
            warehouse.execute(f"create schema if not exists {schema}")
        for path in parquet.glob("*.parquet"):
            pattern = literal(glob_pattern(path))
            warehouse.execute(f"create or replace view raw.{path.stem} as from read_parquet({pattern})")
        if command == "killed":
            raise SystemExit(9)
        some = "where false" if command == "empty" else ""
        for mart, columns in {
            "fct_race_results": "* from raw.results",
            "dim_seasons": "year as season, url as wikipedia_url from raw.seasons",
            "dim_races": "race_id, year as season, name as race_name, date as race_date, true as is_held "
            "from raw.races",
        }.items():
            warehouse.execute(f"create or replace table marts.{mart} as select {columns} {some}")
        now = "now()::timestamp"
        rows = f"(select result_id, race_id, driver_id, points from raw.results {some})"
        warehouse.execute(
            f"create table if not exists {HISTORY} as select *, {now} as dbt_valid_from, "
            f"null::timestamp as dbt_valid_to from {rows} limit 0"
        )
        warehouse.execute(
            f"update {HISTORY} set dbt_valid_to = {now} where dbt_valid_to is null "
            f"and (result_id, race_id, driver_id, points) not in {rows}"
        )
        warehouse.execute(
            f"insert into {HISTORY} select *, {now}, null from {rows} as now "
            f"where not exists (from {HISTORY} as was where was.result_id = now.result_id "
            "and was.points = now.points and dbt_valid_to is null)"
        )
    if command == "fails":
        return "exit code 1"
    if command == "interrupted":
        raise KeyboardInterrupt
    target.mkdir(parents=True, exist_ok=True)
    (target / "run_results.json").write_text(json.dumps({"results": []}))
    (target / "manifest.json").write_text(json.dumps({"nodes": {}}))
    return ""


class User:
    """A data folder, the commands that a user gives, and what must be true after each."""

    def __init__(self, data: Path, dumps: dict[str, Path]) -> None:
        self.data, self.dumps = data, dumps
        self.warehouse = data / "warehouse.duckdb"
        self.expected = ""  # the dump that the warehouse must hold; "" before the first good build
        self.versions: set[tuple[object, ...]] = set()  # all that the history of real data ever had

    def give(self, command: str) -> None:
        """Run a command as `make build` does, and check what it leaves."""
        raw = [str(self.dumps[command])] if command in self.dumps else []
        with (
            patch.dict(os.environ, {"PITWALL_DATA": str(self.data)}),
            patch.object(convert_input, "run_command", run_command),
            patch.object(convert_input, "SEASONS", 1),
            patch(
                "pitwall.warehouse.build.dbt_build",
                lambda _, data, connection, target, *rest: stand_in(data, connection, target, command),
            ),
        ):
            code = convert_input.main(["--", *raw])
            assert code in (0, 2)
            if code == 0:
                arguments = ["build", *(["--may-simulate"] if raw else []), "--full"]
                with patch.object(sys, "argv", arguments):
                    try:
                        code = build.main()
                    except SystemExit:
                        code = 9
        if code == 0:
            self.expected = command if raw else self.expected or "the simulator's own"
        self.check(command, code)

    def check(self, command: str, code: int) -> None:
        """The warehouse is the last good one, each view opens from another folder, the history is whole."""
        if not self.expected:
            assert not self.warehouse.exists()
            return
        with duckdb.connect(self.warehouse, read_only=True) as connection:

            def rows(query: str) -> set[tuple[object, ...]]:
                return set(connection.execute(query).fetchall())

            if self.expected in self.dumps:
                results = (self.dumps[self.expected] / "results.csv").read_text(encoding="utf-8")
                held = len(results.splitlines()) - 1
                assert rows("select count(*) from marts.fct_race_results") == {(held,)}
                assert rows(f"select count(*) from {HISTORY} where dbt_valid_to is null") == {(held,)}
            for (view,) in rows(
                "select table_name from information_schema.tables where table_schema = 'raw'"
            ):
                connection.execute(f"select count(*) from raw.{view}").fetchall()
            if self.expected not in ("simulated", "the simulator's own"):
                self.versions |= rows(f"select result_id, points from {HISTORY}")
        kept: set[tuple[object, ...]] = set()
        for file in self.data.glob("warehouse*.duckdb"):
            with duckdb.connect(file, read_only=True) as connection:
                kept |= set(connection.execute(f"select result_id, points from {HISTORY}").fetchall())
        assert self.versions <= kept, f"{command} lost versions of results"


def run_command(script: str, *arguments: str | Path) -> int:
    """Run a command of the project in this process."""
    main = {"simulate.py": simulate.main, "csv_to_parquet.py": csv_to_parquet.main}[script]
    return main([str(argument) for argument in arguments])


NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]) | st.sampled_from("[]*?{}'\"\\%$#~ -"),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 200)


@pytest.fixture
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in another folder than the project's."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_elsewhere")
@settings(
    max_examples=400 if LONG else 20,
    deadline=None,
    derandomize=not LONG,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(name=NAMES, commands=st.lists(st.sampled_from(COMMANDS), min_size=2, max_size=4))
def test_any_order_of_commands_leaves_a_good_warehouse(
    dumps: dict[str, Path], name: str, commands: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        user = User(Path(folder) / name, dumps)
        for command in commands:
            user.give(command)
