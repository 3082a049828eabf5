"""Any order of commands, in a folder of any name, leaves a good warehouse and a whole history.

Hypothesis draws the name of the data folder and the commands. They run in this process, with a stand-in for
dbt that builds the views, a few marts and the history from the converted files.
"""

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from io import StringIO
from pathlib import Path
from random import Random
from signal import SIGKILL
from subprocess import Popen, TimeoutExpired
from unittest.mock import patch

import duckdb
import polars as pl
import pytest
from conftest import DBT, LONG, ROOT, SCRIPTS, Builder, no_engines, races_of, remove_race, rewrite, run
from hypothesis import HealthCheck, example, given, reject, settings
from hypothesis import strategies as st

import build
import convert_input
import csv_to_parquet
import simulate
from pitwall.raw.manifest import MANIFEST, manifest_columns
from pitwall.warehouse.dbt import inherited
from pitwall.warehouse.sql import glob_pattern, literal

RACES = 2  # of the small dump
HISTORY = "snapshots.race_results_history"
# With one of these dbt would build something else.
VARIABLES = {"DBT_EMPTY", "DBT_SAMPLE", "DBT_TARGET", "PITWALL_SEASONS", "PITWALL_RACES", "PITWALL_HISTORY"}
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
        some = "where false" if command == "empty" or inherited().keys() & VARIABLES else ""
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
        # A folder that the name of the data folder matches, if it is read as a pattern.
        self.decoy = data.with_name(re.sub(r"\[(.)[^]]*\]", r"\1", data.name.replace("*", "x")))
        self.expected = ""  # the dump that the warehouse must hold; "" before the first good build
        self.is_whole = True  # plain dbt with --empty empties the marts
        self.versions: set[tuple[object, ...]] = set()  # all that the history of real data ever had

    @contextmanager
    def here(self, command: str) -> Iterator[None]:
        """Run the scripts in this process, with the stand-in for dbt."""
        with (
            patch.dict(os.environ, {"PITWALL_DATA": str(self.data)}),
            patch.object(convert_input, "run_command", run_command),
            patch.object(convert_input, "SEASONS", 1),
            patch(
                "pitwall.warehouse.build.dbt_build",
                lambda _, data, connection, target, *rest: stand_in(data, connection, target, command),
            ),
        ):
            yield

    def give(self, command: str) -> None:
        """Run a command as `make build` does, and check what it leaves."""
        raw = [str(self.dumps[command])] if command in self.dumps else []
        with self.here(command):
            code = convert_input.main(["--", *raw])
            assert code in (0, 2)
            if code == 0:
                if self.decoy != self.data:
                    shutil.copytree(self.data / "parquet", self.decoy / "parquet", dirs_exist_ok=True)
                code = build_fully(*(["--may-simulate"] if raw else []))
        # The ids of the whole simulated season are those of the dumps, which lack most of its races.
        if command in (*self.dumps, "plain") and self.expected != "the simulator's own":
            assert code == 0
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

            if self.expected in self.dumps and self.is_whole:
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


def build_fully(*options: str) -> int:
    """Run build.py in this process. Returns its exit code, 9 if it was killed."""
    with patch.object(sys, "argv", ["build", "--full", *options]):
        try:
            return build.main()
        except SystemExit:
            return 9


def run_command(script: str, *arguments: str | Path) -> int:
    """Run a command of the project in this process."""
    main = {"simulate.py": simulate.main, "csv_to_parquet.py": csv_to_parquet.main}[script]
    return main([str(argument) for argument in arguments])


# DuckDB cannot write to a path with a question mark: tests/python/test_history.py.
NAMES = st.text(
    st.characters(exclude_characters="/\0?", exclude_categories=["Cs"]) | st.sampled_from("[]*{}'\"\\%$#~ -"),
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
@given(
    name=NAMES,
    variables=st.sets(st.sampled_from(sorted(VARIABLES))),
    commands=st.lists(st.sampled_from(COMMANDS), min_size=2, max_size=4),
)
@example(name="a[bc]d", variables=set(), commands=["newer", "plain"])
@example(name="a*b", variables=set(), commands=["newer", "plain"])
@pytest.mark.slow
def test_any_order_of_commands_leaves_a_good_warehouse(
    dumps: dict[str, Path], name: str, variables: set[str], commands: list[str]
) -> None:
    of_the_user = dict.fromkeys(variables, "1")
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, of_the_user):
        user = User(Path(folder) / name, dumps)
        for command in commands:
            user.give(command)


@pytest.fixture(scope="module")
def built(dumps: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a build."""
    user = User(tmp_path_factory.mktemp("built") / "data", dumps)
    user.give("newer")
    return user.data


# Any value of Parquet or JSON.
SCALARS = st.one_of(
    *(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(), st.binary()),
    *(st.datetimes(), st.dates(), st.decimals(0, 10**9, places=3)),
)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from("ab"), SCALARS, min_size=1)
FORGED = st.one_of(
    st.binary(),
    st.dictionaries(st.sampled_from([*manifest_columns(), "another"]), VALUES, min_size=1, max_size=3),
)


def forge(manifest: Path, forged: bytes | dict[str, object]) -> None:
    """Replace a manifest, or the values of some columns in one row."""
    if isinstance(forged, bytes):
        manifest.write_bytes(forged)
        return
    frame = pl.read_parquet(manifest)
    for name, value in forged.items():
        rest = frame[name].to_list()[1:] if name in frame.columns else [None] * (len(frame) - 1)
        try:
            column = pl.Series(name, [value, *rest], dtype=frame.schema.get(name))
        except (TypeError, OverflowError, ValueError, pl.exceptions.PolarsError):
            column = pl.Series(name, [value] * len(frame))
        frame = frame.with_columns(column)
    frame.write_parquet(manifest)


@pytest.mark.usefixtures("_elsewhere")
@settings(
    max_examples=1000 if LONG else 6,
    deadline=None,
    derandomize=not LONG,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(forged=FORGED)
@example({"rows_converted": None})
@example({"rows_quarantined": None, "source_sha256": None})
@example({"table_name": None})
@example({"table_name": "../races"})
def test_any_manifest_is_refused_in_one_line_or_read(
    dumps: dict[str, Path], built: Path, forged: bytes | dict[str, object]
) -> None:
    """A build refuses a manifest that is none, and the next conversion writes a new one."""
    with tempfile.TemporaryDirectory() as folder:
        user = User(Path(shutil.copytree(built, Path(folder) / "data")), dumps)
        try:
            forge(user.data / "parquet" / MANIFEST, forged)
        except (
            TypeError,
            OverflowError,
            ValueError,
            pl.exceptions.PolarsError,
            pl.exceptions.PanicException,
        ):
            reject()  # Polars cannot write it
        with user.here("plain"), redirect_stderr(StringIO()) as error:
            code = build_fully()
            assert (code, error.getvalue().count("\n")) in ((0, 0), (2, 1)), error.getvalue()
            assert convert_input.main([]) == 0, error.getvalue()
            assert build_fully() == 0, error.getvalue()


REAL_ORDERS = 12
# After the first build, which is of real or simulated files.
REAL_COMMANDS = ("real", "older", "simulated", "plain", "docs", "dbt", "dbt --empty", "killed")


class RealUser(User):
    """A user of the real dbt."""

    def __init__(self, data: Path, dumps: dict[str, Path], random: Random) -> None:
        super().__init__(data, dumps)
        self.random = random
        self.environment = {"PITWALL_DATA": data, **no_engines()}

    def script(self, name: str, *arguments: str | Path) -> int:
        """Run a script of the project. Returns its exit code."""
        result = run(SCRIPTS / name, *arguments, **self.environment)
        print(result.stdout)
        assert "Traceback" not in result.stdout
        return result.returncode

    def dbt(self, *options: str) -> int:
        """Run plain dbt, without tests. Returns its exit code."""
        folders = ["--project-dir", ROOT, "--profiles-dir", ROOT]
        folders += ["--target-path", self.data.parent / "target", "--log-path", self.data.parent / "logs"]
        skipped = ["--exclude-resource-type", "test", "unit_test"]
        result = run(DBT, "build", *options, *skipped, *folders, **self.environment)
        print(result.stdout)
        assert "Traceback" not in result.stdout
        return result.returncode

    def killed(self) -> None:
        """Kill a build, and its dbt, after a few seconds."""
        inherited = {name: text for name, text in os.environ.items() if not name.startswith("PITWALL_")}
        environment = inherited | {name: str(value) for name, value in self.environment.items()}
        with Popen(
            [sys.executable, SCRIPTS / "build.py", "--full"], env=environment, start_new_session=True
        ) as process:
            with suppress(TimeoutExpired):
                process.wait(self.random.uniform(1, 12))
            with suppress(ProcessLookupError):
                os.killpg(process.pid, SIGKILL)

    def give(self, command: str) -> None:
        """Run a command, and check what it leaves."""
        raw = ["--", self.dumps[command]] if command in self.dumps else []
        if raw or command == "plain":
            assert self.script("convert_input.py", *raw) == 0
            assert self.script("build.py", *(["--may-simulate"] if raw else [])) == 0
            self.expected, self.is_whole = command if raw else self.expected, True
        elif command == "docs":
            assert self.script("catalog.py") == 0
        elif command == "dbt":
            assert self.dbt() == 0
            self.is_whole = True
        elif command == "dbt --empty":
            assert self.dbt("--empty") != 0, "it would end the history"
            self.is_whole = False
        else:
            self.killed()
        self.check(command, 0)


@pytest.fixture(scope="module")
def real_dumps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A simulated championship, the same as if it were real, and an older dump of that."""
    folder = tmp_path_factory.mktemp("real_dumps")
    simulate.main(["--seasons", "1", str(folder / "simulated")])
    for name in ("real", "older"):
        raw = shutil.copytree(folder / "simulated", folder / name)
        for path in raw.glob("*.csv"):
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("example.org", "example.com"), encoding="utf-8")
        rewrite(raw, "results", lambda rows: [{**row, "resultId": f"1{row['resultId']:0>6}"} for row in rows])
        if name == "older":
            [season] = {row.split(",")[1] for row in (raw / "races.csv").read_text().splitlines()[1:]}
            remove_race(raw, races_of(raw, season)[-1])
    return {name: folder / name for name in ("simulated", "real", "older")}


@pytest.mark.torture
@pytest.mark.usefixtures("_elsewhere", "small_warehouse")
@pytest.mark.parametrize("seed", range(REAL_ORDERS))
def test_any_order_of_commands_with_the_real_dbt(
    seed: int,
    real_dumps: dict[str, Path],
    builder: Builder,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    random = Random(seed)
    commands = [random.choice(("real", "simulated")), *random.choices(REAL_COMMANDS, k=3)]
    user = RealUser(tmp_path / "data [x]*", real_dumps, random)
    user.data.mkdir()
    builder.prepare(user.data)
    for command in commands:
        user.give(command)
    record_property("count", f"in this order all was well: {', '.join(commands)}")
