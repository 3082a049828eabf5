"""Helpers and fixtures of all tests: run the scripts as a user does, and build each warehouse once per run.

The test files run in parallel, one process per core. `make test` runs the tests without a mark:
- `extra`: needs the packages or programs of an extra (an engine, S3, ...). `make test-extras` runs it.
- `slow`: takes half a minute, and faster tests check most of it. `make test-all` runs it.
- `torture`: takes minutes. Only `make torture` runs it.
- `images`: builds container images. Only `make images-test` runs it.
"""

import csv
import fcntl
import json
import os
import pprint
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache, partial
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import forked
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
TESTS = ROOT / "tests" / "python"
SOURCES = (
    "models/staging"  # declares the manifest, the ledger and the record of builds, which every build reads
)
DBT = Path(sys.executable).with_name("dbt")

# These files run first because they take longest: a long file that starts last would run alone. The first has
# another reason: it makes the first build. The next five need none, so they do not wait for it.
FIRST = (
    "test_project",
    "test_csv_to_parquet",
    "test_structure",
    "test_makefile",
    "test_jolpica",
    "test_optional_files",
    "test_faults",
    "test_spark",
    "test_incremental",
    "test_benchmark",
    "test_first_hour",
    "test_lake",
    "test_postgres",
)
LONG = bool(os.environ.get("PITWALL_TORTURE"))
IMAGES = bool(os.environ.get("PITWALL_IMAGES"))
# PITWALL_NO_SKIPS allows skips for these reasons: no package index has what is missing.
MAY_BE_MISSING = ("no real data", "PITWALL_DBT_UTILS names no clone")

Rows = list[dict[str, str]]

# Tests import the scripts as the scripts import each other.
sys.path.insert(0, str(SCRIPTS))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what only `make torture` or `make images-test` runs, and run the longest files first."""
    marks = {"torture": LONG, "images": IMAGES}
    excluded = [name for name, is_wanted in marks.items() if not is_wanted]
    deselected = [item for item in items if any(map(item.get_closest_marker, excluded))]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
    order = {name: number for number, name in enumerate(FIRST)}
    kept = [item for item in items if item not in deselected]
    items[:] = sorted(kept, key=lambda item: order.get(item.path.stem, len(order)))


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure if PITWALL_NO_SKIPS is set: CI must fail if a program is missing."""
    if report.skipped and os.environ.get("PITWALL_NO_SKIPS") and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(MAY_BE_MISSING):
            report.outcome = "failed"
            report.longrepr = f"skipped, which PITWALL_NO_SKIPS forbids: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report = yield
    fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report = yield
    fail_if_skipped(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded as `count`, for example how often a run was killed."""
    for report in terminalreporter.getreports("passed"):
        for name, count in report.user_properties:
            if name == "count":
                terminalreporter.write_line(count)


def environment_of(added: Mapping[str, str | Path]) -> dict[str, str]:
    """The environment of a command: without variables PITWALL_* of the user, and with `added`."""
    # Without PYTHONUNBUFFERED, output comes in the order in which users see it.
    removed = ("PITWALL_", "PYTHONUNBUFFERED")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(removed)}
    return {**inherited, "DO_NOT_TRACK": "1", **{name: str(value) for name, value in added.items()}}


# A program reads them when it starts, so it is not forked if a test sets one.
READ_AT_START = ("LANG", "LC_", "POLARS_", "PYTHON", "TZ")


def is_forked(command: Sequence[str | Path], environment: Mapping[str, str | Path]) -> bool:
    """Whether a command is a script that runs the same in a fork."""
    settings = environment.keys() - {"PYTHONPATH"}
    return str(command[0]).endswith(".py") and not any(name.startswith(READ_AT_START) for name in settings)


def run(
    *command: str | Path, cwd: Path = ROOT, **environment: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run a command; a `.py` file with this Python. Removes variables PITWALL_* and adds `environment`.

    A script runs in a fork of a process that has imported its packages.
    """
    if is_forked(command, environment):
        return run_forked(*command, cwd=cwd, **environment)
    return subprocess.run(
        [sys.executable, *command] if str(command[0]).endswith(".py") else command,
        cwd=cwd,
        env=environment_of(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_forked(
    *command: str | Path, cwd: Path = ROOT, **environment: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run a script or dbt as `run` does, without the time that Python and the imports take."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        return forked.forked(list(map(str, command)), cwd, environment_of(environment), output)


def run_dbt(
    *arguments: str | Path, cwd: Path = ROOT, **environment: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run dbt, as `run(DBT, ...)` does, but without the time that it takes to import dbt."""
    return run_forked(forked.DBT, *arguments, cwd=cwd, **environment)


def must_run(*command: str | Path, **environment: str | Path) -> str:
    """Run a command and return its output. Fails the test if the command fails."""
    result = run(*command, **environment)
    if result.returncode:
        pytest.fail(
            f"{' '.join(map(str, command))}: exit code {result.returncode}\n{result.stdout}", pytrace=False
        )
    return result.stdout


# Environment variables with which a build runs no data tests. It then takes two thirds of the time.
WITHOUT_DATA_TESTS = {
    "PYTHONPATH": str(TESTS / "no_engines"),
    "HIDDEN_PACKAGES": "",
    "WITHOUT_DATA_TESTS": "1",
}


@cache
def no_engines() -> dict[str, str]:
    """Environment variables that hide the installed packages that are not in requirements/dev.txt.

    Packages of that file stay visible: dbt imports the one for metrics if it finds its metadata.
    """

    def normalized(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    def import_names(distribution: Distribution) -> set[str]:
        files = [file for file in distribution.files or () if file.suffix == ".py"]
        modules = {file.stem for file in files if len(file.parts) == 1}
        return modules | {".".join(file.parts[:-1]) for file in files if file.name == "__init__.py"}

    locked = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    core = {normalized(name) for name in re.findall(r"(?m)^([\w.-]+)==", locked)}
    installed = list(distributions())
    known = [import_names(each) for each in installed if normalized(each.name) in core]
    others = [import_names(each) for each in installed if normalized(each.name) not in core]
    hidden = set().union(*others) - set().union(*known)
    roots = sorted(name for name in hidden if name.rpartition(".")[0] not in hidden)
    return {"PYTHONPATH": str(TESTS / "no_engines"), "HIDDEN_PACKAGES": ",".join(roots)}


def manifest_row(table: str, sha256: str) -> dict[str, object]:
    """A row of the manifest of hand-made Parquet files."""
    counts = ("rows_read", "rows_converted", "rows_quarantined", "rows_short")
    return {
        "table_name": table,
        "parquet_sha256": sha256,
        **dict.fromkeys(("source_name", "source_sha256", "schema_sha256"), ""),
        **dict.fromkeys((*counts, "source_bytes", "parquet_bytes", "seconds"), 1),
        **dict.fromkeys(("converted_at", "checked_at"), datetime(2026, 1, 1)),
    }


def record(parquet: Path) -> None:
    """Write the manifest of a folder of hand-made Parquet files."""
    from pitwall.raw.manifest import MANIFEST, file_sha256, write_manifest

    tables = [path for path in parquet.glob("*.parquet") if path.name != MANIFEST]
    write_manifest(parquet, [manifest_row(path.stem, file_sha256(path)) for path in tables])


def write_forecasts(data: Path) -> None:
    """Write forecasts of the last two races into the ledger: in time, again, too late, of a moved race.

    Also two backtests, of which the second counts.
    """
    import polars as pl

    from pitwall.prediction.ledger import Prediction, append

    def table(name: str) -> pl.DataFrame:
        return pl.read_parquet(data / "parquet" / f"{name}.parquet")

    refs = dict(table("drivers").select("driver_id", "driver_ref").iter_rows())
    races = table("races").join(table("circuits"), on="circuit_id").sort("date").tail(2)
    moments = [("before_weekend", target) for target in ("win", "podium", "points", "classified", "title")]
    moments += [("after_qualifying", target) for target in ("win", "podium", "points", "classified")]

    def rows(race: dict[str, Any], version: str, day: int, number: int) -> list[Prediction]:
        drivers = table("results").filter(pl.col("race_id") == race["race_id"])["driver_id"]
        field = [*(refs[driver] for driver in drivers.sort()), "nobody"]
        written = race["date"] + timedelta(day)
        return [
            Prediction(
                season=race["year"],
                round=race["round"],
                circuit_ref=race["circuit_ref"],
                driver_ref=ref,
                known_at=known_at,
                target=target,
                # Some are 0, some 1, and some have nine digits.
                probability=min((index * 7 + number) % 23 * 0.047619048, 1),
                model="plackett_luce",
                model_version=version,
                trained_through=race["date"] - timedelta(7),
                predicted_at=f"{written}T10:00:00Z",
                is_backtest=version.startswith("backtest-"),
            )
            for index, ref in enumerate(field)
            for known_at, target in moments
        ]

    for race in races.iter_rows(named=True):
        for number, (version, day) in enumerate([("1", -2), ("2", -1), ("2", 1)]):
            append(data, rows(race, version, day, number))
        append(data, rows({**race, "round": 99}, "2", -1, 3))
        for number, version in enumerate(["backtest-1", "backtest-2"]):
            append(data, rows(race, version, 300 + number, number))


def table_cells(table: str) -> list[list[str]]:
    """Return the cells of a Markdown table, with its header and without the line of dashes."""
    lines = [line for line in table.splitlines() if not set(line) <= set("|-")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Let one process at a time into the block; the others wait."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Make a folder, unless a process of this test run has already made it."""
    with one_at_a_time(folder.with_suffix(".lock")):
        made = folder.with_suffix(".made")
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


STATEMENTS = ".statements.jsonl"
PARSE_STATE = "partial_parse.msgpack"
NO_HASH = b"the hash of the profile".ljust(64, b".")


def profile_hash(data: Path) -> bytes:
    """Return the hash of the profile in dbt's parse state. It depends on the path of the warehouse."""
    from dbt.adapters.duckdb.credentials import DuckDBCredentials
    from dbt.artifacts.resources import FileHash

    profile = yaml.safe_load((ROOT / "profiles.yml").read_text(encoding="utf-8"))
    settings = profile["pitwall"]["outputs"]["duckdb"]
    constants = {name: value for name, value in settings.items() if name != "type" and "{{" not in str(value)}
    location = {"path": str(data / ".build" / "warehouse.duckdb"), "database": "warehouse", "schema": "main"}
    credentials = DuckDBCredentials.from_dict(constants | location)
    text = pprint.pformat(sorted(credentials.connection_info()))
    return FileHash.from_contents(text).checksum.encode()


def pass_unit_tests(project: Path, target: Path) -> None:
    """Record that the unit tests of a copy of the project passed, so that a build of it does not run them."""
    from pitwall.warehouse.fingerprint import code_fingerprint

    target.mkdir(parents=True, exist_ok=True)
    (target / "unit_tests_passed").write_text(f"{code_fingerprint(project)} 1\n", encoding="utf-8")


class Builder:
    """Builds DuckDB warehouses as `make build` does, without the packages of other engines.

    In the first build of a test run, dbt parses the project and runs the unit tests: half of the processor
    time. Later builds start from a copy of its parse state and its record of passed unit tests.
    """

    def __init__(self, shared: Path) -> None:
        self.first = shared / "first_build"
        clone = {name: os.environ[name] for name in ("PITWALL_DBT_UTILS",) if name in os.environ}
        self.packages = shared / "packages"
        self.setup = lambda _: must_run(SCRIPTS / "setup_packages.py", **clone, **no_engines())

    def build(self, data: Path, *options: str, has_data_tests: bool = True, **environment: str | Path) -> str:
        """Build from the Parquet in a data folder. Returns the output of build.py."""
        make_once(self.packages, self.setup)
        environment |= {
            "PITWALL_DATA": data,
            **({} if has_data_tests else WITHOUT_DATA_TESTS),
            **no_engines(),
        }
        with one_at_a_time(self.first.with_suffix(".lock")):
            if not self.first.exists():
                output = must_run(SCRIPTS / "build.py", *options, **environment)
                self.save(data)
                return output
        self.prepare(data)
        return must_run(SCRIPTS / "build.py", *options, **environment)

    def save(self, data: Path) -> None:
        """Save the first build's parse state and its record of passed unit tests."""
        new_folder = self.first.with_suffix(".new")
        shutil.rmtree(new_folder, ignore_errors=True)
        new_folder.mkdir()
        for name in (PARSE_STATE, "unit_tests_passed"):
            shutil.copy(data / ".build" / "target" / name, new_folder)
        state, own_hash = (new_folder / PARSE_STATE).read_bytes(), profile_hash(data)
        assert state.count(own_hash) == 1, "dbt computes this hash in another way: correct profile_hash()"
        (new_folder / PARSE_STATE).write_bytes(state.replace(own_hash, NO_HASH))
        new_folder.rename(self.first)

    def prepare(self, data: Path) -> None:
        """Copy what the first build saved into a data folder, if there was a first build."""
        if self.first.exists():
            target = data / ".build" / "target"
            shutil.copytree(self.first, target, dirs_exist_ok=True)
            state = (target / PARSE_STATE).read_bytes()
            (target / PARSE_STATE).write_bytes(state.replace(NO_HASH, profile_hash(data)))

    def dbt(self, data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run dbt on `data`/.build/warehouse.duckdb, without parsing the project again."""
        self.prepare(data)
        target, warehouse = data / ".build" / "target", data / ".build" / "warehouse.duckdb"
        options = ["--vars", "{merged_tests: true}", "--target-path", target, "--log-path", target / "logs"]
        places = {"PITWALL_DATA": data, "PITWALL_WAREHOUSE": warehouse}
        return run_dbt(*arguments, *options, **places, **no_engines())

    def warehouse(self, raw: Path, data: Path, *options: str, **environment: str | Path) -> Path:
        """Convert, predict a little, and build, as `make build RAW=raw` does. Returns the warehouse file."""
        must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data, **no_engines())
        write_forecasts(data)
        self.build(data, *options, **environment)
        return data / "warehouse.duckdb"


@pytest.fixture(scope="session")
def builder(shared_folder: Path) -> Builder:
    """Builds DuckDB warehouses."""
    return Builder(shared_folder)


def copy_data_folder(data: Path, copy: Path, *without: str) -> Path:
    """Copy a data folder, but not the SQL that dbt leaves there for people: a thousand files.

    Args:
        data: the data folder.
        copy: a folder that does not exist.
        without: names of more files and folders that are not copied.

    Returns:
        The copy.
    """
    return shutil.copytree(data, copy, ignore=shutil.ignore_patterns("compiled", "run", *without))


def simulate(seasons: int, data: Path) -> None:
    """Simulate raw files into a data folder."""
    must_run(SCRIPTS / "simulate.py", "--seasons", str(seasons), data / "raw")


@pytest.fixture(scope="session")
def simulated_warehouse(builder: Builder, shared_folder: Path) -> Path:
    """The warehouse of five simulated seasons, in its data folder. Copy it before you write to it.

    dbt's target is .build/target there, with the results of the unit tests.
    """

    def make(data: Path) -> None:
        simulate(5, data)
        clock = data.with_suffix(STATEMENTS)
        clock.unlink(missing_ok=True)  # of a build that failed: the clock adds to it
        builder.warehouse(data / "raw", data, "--unit-tests", "always", PITWALL_CLOCK=clock)

    return make_once(shared_folder / "simulated", make) / "warehouse.duckdb"


@pytest.fixture(scope="session")
def simulated_statements(simulated_warehouse: Path) -> Path:
    """The statements of the build of `simulated_warehouse`, as scripts/benchmark/clock/ wrote them."""
    return simulated_warehouse.parent.with_suffix(STATEMENTS)


@pytest.fixture(scope="session")
def one_season(shared_folder: Path) -> Path:
    """A data folder with one simulated season in `raw` and `parquet`, and predictions of it."""

    def make(data: Path) -> None:
        simulate(1, data)
        must_run(SCRIPTS / "csv_to_parquet.py", data / "raw", PITWALL_DATA=data, **no_engines())
        write_forecasts(data)

    return make_once(shared_folder / "one_season", make)


@pytest.fixture(scope="session")
def small_warehouse(builder: Builder, one_season: Path, shared_folder: Path) -> Path:
    """The warehouse of one simulated season, in its data folder. Copy it before you write to it."""

    def make(data: Path) -> None:
        shutil.copytree(one_season, data, dirs_exist_ok=True)
        builder.build(data, has_data_tests=False)

    return make_once(shared_folder / "small", make) / "warehouse.duckdb"


def write_optional_files(raw: Path) -> None:
    """Write the files that an archive may lack: flags of some races, and accidents."""
    with (raw / "races.csv").open(encoding="utf-8", newline="") as file:
        all_names = [f"{row['year']} {row['name']}" for row in csv.DictReader(file)]
    names = [name for name in all_names if all_names.count(name) == 1]  # two races of 2021 share one
    virtual = {name: [20, 21] for name in names[::3]}
    files = {
        "safety_cars.csv": [
            "Race,Cause,Deployed,Retreated,FullLaps",
            *(f"{name},Accident,{lap + 2},{lap + 6}.0,3" for lap, name in enumerate(names)),
            f"{names[0]},Rain,50,,1",
        ],
        "red_flags.csv": [
            "Race,Lap,Resumed,Incident,Excluded",
            *(f"{name},9,R,Rain.," for name in names[::5]),
        ],
        "virtual_safety_car_estimates.json": [json.dumps(virtual, indent=1)],
        "fatal_accidents_drivers.csv": [
            "Driver,Age,Date Of Accident,Event,Car,Session",
            f"Ann Arrow,29,6/18/21,{names[1]},March,Race",
            "Bo Bolt,,10/5/22,Test at Spa,March,Test",
        ],
        "fatal_accidents_marshalls.csv": [
            "Name,Age,Date Of Accident,Event",
            f"Cy Crane,38,9/10/21,{names[2]}",
        ],
    }
    for name, lines in files.items():
        (raw / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def all_sources_warehouse(builder: Builder, shared_folder: Path) -> Path:
    """The warehouse of two simulated seasons with a row in every raw table, in its data folder.

    The archive has the optional files, and lacks the laps of a race. A dump of the second season has them.
    Copy it before you write to it.
    """
    from jolpica_dump import write_dump

    def make(data: Path) -> None:
        simulate(2, data)
        raw = data / "raw"
        write_optional_files(raw)
        dump = write_dump(raw, data / "dump", "2022")
        race = races_of(raw, "2022")[0]
        rewrite(raw, "lap_times", lambda rows: [row for row in rows if row["raceId"] != race])
        must_run(SCRIPTS / "csv_to_parquet.py", raw, "--also", dump, PITWALL_DATA=data, **no_engines())
        write_forecasts(data)
        builder.build(data)

    return make_once(shared_folder / "all_sources", make) / "warehouse.duckdb"


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


def remove_race(raw: Path, race: str) -> None:
    """Remove a race and all rows that belong to it."""
    for path in raw.glob("*.csv"):
        if "raceId" in path.read_text(encoding="utf-8").partition("\n")[0]:
            rewrite(raw, path.stem, lambda rows: [row for row in rows if row["raceId"] != race])


def races_of(raw: Path, season: str) -> list[str]:
    """The ids of the races of a season, in the order of the file."""
    with (raw / "races.csv").open(newline="", encoding="utf-8") as file:
        return [row["raceId"] for row in csv.DictReader(file) if row["year"] == season]


@pytest.fixture(scope="session")
def real_files(shared_folder: Path) -> Path:
    """The folder of the real CSVs, with the optional files of the archive. Skips the test if there is none.

    The archive has all files in one folder. The real files here are in two, `ergast` and `racedata`.
    """
    named = os.environ.get("PITWALL_REAL_DATA")
    raw = Path(named) if named else ROOT.parent / "shared" / "data" / "ergast"
    if not named and not raw.is_dir():
        pytest.skip("no real data: point PITWALL_REAL_DATA at a folder of the real CSVs")
    optional = raw.parent / "racedata"

    def link(folder: Path) -> None:
        for path in [*raw.glob("*.csv"), *optional.glob("*.csv"), *optional.glob("*.json")]:
            (folder / path.name).symlink_to(path.resolve())

    return make_once(shared_folder / "real_files", link) if optional.is_dir() else raw


@pytest.fixture(scope="session")
def real_warehouse(real_files: Path, builder: Builder, shared_folder: Path) -> Path:
    """The warehouse of the real files. Copy it before you write to it."""

    def make(data: Path) -> None:
        builder.warehouse(real_files, data)

    return make_once(shared_folder / "real", make) / "warehouse.duckdb"


@pytest.fixture(scope="session")
def read_with_oldest_client(shared_folder: Path) -> Callable[[Path], None]:
    """Reads every table and view of a warehouse with the oldest DuckDB that its format is for."""
    from pitwall.warehouse.duckdb import STORAGE

    version = f"{STORAGE.removeprefix('v').rpartition('.')[0]}.2"
    client = shared_folder / "oldest_client"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    with one_at_a_time(shared_folder / "oldest_client.lock"):
        installed = run(*pip, "--target", client, f"duckdb=={version}") if not client.exists() else None
    if installed and installed.returncode:
        pytest.skip(f"no package index that has DuckDB {version}: {installed.stdout[-200:]}")
    code = (
        "import duckdb, sys; connection = duckdb.connect(sys.argv[1], read_only=True); "
        "tables = connection.execute('select table_schema, table_name from information_schema.tables'); "
        "rows = [connection.execute(f'select count(*) from {schema}.{table}').fetchall() "
        "for schema, table in tables.fetchall()]; print(duckdb.__version__, len(rows) > 90)"
    )

    def read(warehouse: Path) -> None:
        output = must_run(sys.executable, "-c", code, warehouse, PYTHONPATH=client)
        assert output.splitlines()[-1].split() == [version, "True"]

    return read


@contextmanager
def mounted(disk: Path, size: str) -> Iterator[Path]:
    """Mount an empty file system of this size at a new folder. Skips the test if the user may not mount."""
    disk.mkdir()
    as_root = ["sudo", "-n"] if os.geteuid() else []
    options = f"size={size},mode=755,uid={os.geteuid()},gid={os.getegid()}"
    command = [*as_root, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    try:
        failed = subprocess.run(command, capture_output=True).returncode != 0
    except FileNotFoundError:  # no sudo, no mount
        failed = True
    if failed:
        pytest.skip("mounting a small file system needs root, or sudo without a password")
    try:
        yield disk
    finally:
        subprocess.run([*as_root, "umount", "--lazy", str(disk)], check=True)


def remount(disk: Path, options: str) -> None:
    """Change the options of a mounted file system, for example its size."""
    as_root = ["sudo", "-n"] if os.geteuid() else []
    subprocess.run([*as_root, "mount", "-o", f"remount,{options}", str(disk)], check=True)


def write_fake_dbt(folder: Path, body: str) -> Path:
    """Write a stand-in for dbt into a folder: `body` defines its `cli()`. Returns the folder."""
    (folder / "dbt" / "cli").mkdir(parents=True, exist_ok=True)
    for name in ("dbt", "dbt/cli"):
        (folder / name / "__init__.py").touch()
    (folder / "dbt" / "cli" / "main.py").write_text(body, encoding="utf-8")
    return folder


@pytest.fixture
def fake_dbt(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a stand-in for dbt: `body` defines its `cli()`. Returns the folder to put in PYTHONPATH."""
    return partial(write_fake_dbt, tmp_path / "fake_dbt")
