"""What the tests share: running the scripts as a person does, and warehouses built once per run.

`make test` runs the test files in parallel, one process per core. Two kinds of tests are marked:
- `extra`: needs the packages or programs of an extra (an engine, S3, the benchmark); in `make test-all`.
- `long`: takes minutes; in `make torture` only.
"""

import fcntl
import hashlib
import os
import pprint
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

import polars as pl
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
TESTS = ROOT / "tests" / "python"
DBT = Path(sys.executable).with_name("dbt")

# These files run first, because they take longest: a long file at the end would run alone. The first two are
# there for another reason: one makes the first build, and the other builds nothing, so that it need not wait.
FIRST = (
    "test_project",
    "test_csv_to_parquet",
    "test_spark",
    "test_faults",
    "test_incremental",
    "test_benchmark",
    "test_postgres",
)
LONG = bool(os.environ.get("PITWALL_TORTURE"))
# What may be missing where PITWALL_NO_SKIPS is set: no package index has it.
MAY_BE_MISSING = ("no real data", "PITWALL_DBT_UTILS names no clone")

# So that a test may import a script, as the scripts import each other.
sys.path.insert(0, str(SCRIPTS))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests to `make torture`, and begin with the longest files."""
    left_out = [] if LONG else [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    order = {name: number for number, name in enumerate(FIRST)}
    kept = [item for item in items if item not in left_out]
    items[:] = sorted(kept, key=lambda item: order.get(item.path.stem, len(order)))


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a skip an error where PITWALL_NO_SKIPS is set: CI must not pass because a program is missing."""
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
    """Print what tests recorded as `count`, for instance how often a run was killed."""
    for report in terminalreporter.getreports("passed"):
        for name, count in report.user_properties:
            if name == "count":
                terminalreporter.write_line(count)


def run(
    *command: str | Path, cwd: Path = ROOT, **environment: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run a command, a script by its Python, in this environment less PITWALL_* and plus `environment`."""
    # Buffered as usual, so that what it says comes in the order in which its users see it.
    left_out = ("PITWALL_", "PYTHONUNBUFFERED")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return subprocess.run(
        [sys.executable, *command] if str(command[0]).endswith(".py") else command,
        cwd=cwd,
        env={**inherited, "DO_NOT_TRACK": "1", **{name: str(value) for name, value in environment.items()}},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def must_run(*command: str | Path, **environment: str | Path) -> str:
    """Run a command that has to succeed; return what it printed, or fail the test with it."""
    result = run(*command, **environment)
    if result.returncode:
        pytest.fail(
            f"{' '.join(map(str, command))}: exit code {result.returncode}\n{result.stdout}", pytrace=False
        )
    return result.stdout


@cache
def no_engines() -> dict[str, str]:
    """The environment in which no package can be imported that only an engine's lock has.

    Those of requirements/dev.txt stay: dbt finds the one for metrics by its metadata, and wants it then.
    """

    def normal(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    def packages(distribution: Distribution) -> set[str]:
        files = [file for file in distribution.files or () if file.suffix == ".py"]
        modules = {file.stem for file in files if len(file.parts) == 1}
        return modules | {".".join(file.parts[:-1]) for file in files if file.name == "__init__.py"}

    locked = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    core = {normal(name) for name in re.findall(r"(?m)^([\w.-]+)==", locked)}
    installed = list(distributions())
    known = [packages(each) for each in installed if normal(each.name) in core]
    others = [packages(each) for each in installed if normal(each.name) not in core]
    hidden = set().union(*others) - set().union(*known)
    roots = sorted(name for name in hidden if name.rpartition(".")[0] not in hidden)
    return {"PYTHONPATH": str(TESTS / "no_engines"), "HIDDEN_PACKAGES": ",".join(roots)}


def record(parquet: Path) -> None:
    """Write the manifest of a folder of hand-made Parquet files, as far as a build looks at it."""
    rows = [
        {"table_name": path.stem, "parquet_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in parquet.glob("*.parquet")
        if path.stem != "load_manifest"
    ]
    pl.DataFrame(rows).write_parquet(parquet / "load_manifest.parquet")


def table_cells(table: str) -> list[list[str]]:
    """The cells of a Markdown table, its header included and its ruler left out."""
    lines = [line for line in table.splitlines() if not set(line) <= set("|-")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run of the tests share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Let one process at a time into the block; the others wait."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Make a folder, unless this or another process of the run has made it already."""
    with one_at_a_time(folder.with_suffix(".lock")):
        made = folder.with_suffix(".made")
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


PARSE_STATE = "partial_parse.msgpack"
NO_HASH = b"the hash of the profile".ljust(64, b".")


def profile_hash(data: Path) -> bytes:
    """The hash in dbt's parse state that changes with the path of the warehouse, and so with the folder."""
    from dbt.adapters.duckdb.credentials import DuckDBCredentials
    from dbt.artifacts.resources import FileHash

    profile = yaml.safe_load((ROOT / "profiles.yml").read_text(encoding="utf-8"))
    settings = profile["pitwall"]["outputs"]["duckdb"]
    plain = {name: value for name, value in settings.items() if name != "type" and "{{" not in str(value)}
    where = {"path": str(data / ".build" / "warehouse.duckdb"), "database": "warehouse", "schema": "main"}
    credentials = DuckDBCredentials.from_dict(plain | where)
    text = pprint.pformat(sorted(credentials.connection_info()))
    return FileHash.from_contents(text).checksum.encode()


class Builder:
    """Builds DuckDB warehouses as `make build` does, without the packages of other engines.

    In the first build of a run dbt parses the project and the unit tests run: half of the processor time. The
    others take over what it knows, so that they do neither again.
    """

    def __init__(self, shared: Path) -> None:
        self.first = shared / "first_build"
        clone = {name: os.environ[name] for name in ("PITWALL_DBT_UTILS",) if name in os.environ}
        self.packages = shared / "packages"
        self.setup = lambda _: must_run(SCRIPTS / "setup_packages.py", **clone, **no_engines())

    def build(self, data: Path, *options: str) -> str:
        """Build from the Parquet in a data folder. Returns what build.py printed."""
        make_once(self.packages, self.setup)
        with one_at_a_time(self.first.with_suffix(".lock")):
            if not self.first.exists():
                output = must_run(SCRIPTS / "build.py", *options, PITWALL_DATA=data, **no_engines())
                self.keep(data)
                return output
        self.prepare(data)
        return must_run(SCRIPTS / "build.py", *options, PITWALL_DATA=data, **no_engines())

    def keep(self, data: Path) -> None:
        """Keep what the first build knows: dbt's parse state, and that the unit tests passed."""
        aside = self.first.with_suffix(".new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        for name in (PARSE_STATE, "unit_tests_passed"):
            shutil.copy(data / ".build" / "target" / name, aside)
        state, its_own = (aside / PARSE_STATE).read_bytes(), profile_hash(data)
        assert state.count(its_own) == 1, "dbt computes the hash in another way: correct profile_hash()"
        (aside / PARSE_STATE).write_bytes(state.replace(its_own, NO_HASH))
        aside.rename(self.first)

    def prepare(self, data: Path) -> None:
        """Give a data folder what the first build knows, if there was one."""
        if self.first.exists():
            target = data / ".build" / "target"
            shutil.copytree(self.first, target, dirs_exist_ok=True)
            state = (target / PARSE_STATE).read_bytes()
            (target / PARSE_STATE).write_bytes(state.replace(NO_HASH, profile_hash(data)))

    def warehouse(self, raw: Path, data: Path, *options: str) -> Path:
        """Convert and build, as `make build RAW=raw` does. Returns the warehouse file."""
        must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data, **no_engines())
        self.build(data, *options)
        return data / "warehouse.duckdb"


@pytest.fixture(scope="session")
def builder(shared_folder: Path) -> Builder:
    """Builds DuckDB warehouses."""
    return Builder(shared_folder)


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
        builder.warehouse(data / "raw", data, "--unit-tests", "always")

    return make_once(shared_folder / "simulated", make) / "warehouse.duckdb"


@pytest.fixture(scope="session")
def small_warehouse(builder: Builder, shared_folder: Path) -> Path:
    """The warehouse of one simulated season, in its data folder. Copy it before you write to it."""

    def make(data: Path) -> None:
        simulate(1, data)
        builder.warehouse(data / "raw", data)

    return make_once(shared_folder / "small", make) / "warehouse.duckdb"


@pytest.fixture(scope="session")
def real_files() -> Path:
    """The folder of the real CSVs, if they are here; otherwise the test is skipped."""
    named = os.environ.get("PITWALL_REAL_DATA")
    raw = Path(named) if named else ROOT.parent / "shared" / "data" / "ergast"
    if not named and not raw.is_dir():
        pytest.skip("no real data: point PITWALL_REAL_DATA at a folder of the real CSVs")
    return raw


@pytest.fixture(scope="session")
def real_warehouse(real_files: Path, builder: Builder, shared_folder: Path) -> Path:
    """The warehouse of the real files. Copy it before you write to it."""

    def make(data: Path) -> None:
        builder.warehouse(real_files, data)

    return make_once(shared_folder / "real", make) / "warehouse.duckdb"


@contextmanager
def mounted(disk: Path, size: str) -> Iterator[Path]:
    """Mount an empty file system of that size in a new folder. Skips the test if this user may not."""
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
    """Change the options of a mounted file system, for instance its size."""
    as_root = ["sudo", "-n"] if os.geteuid() else []
    subprocess.run([*as_root, "mount", "-o", f"remount,{options}", str(disk)], check=True)


@pytest.fixture
def fake_dbt(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a module `dbt` whose `cli()` is in `body`; with its folder in PYTHONPATH it replaces dbt."""

    def make(body: str) -> Path:
        folder = tmp_path / "fake_dbt"
        (folder / "dbt" / "cli").mkdir(parents=True, exist_ok=True)
        for name in ("dbt", "dbt/cli"):
            (folder / name / "__init__.py").touch()
        (folder / "dbt" / "cli" / "main.py").write_text(body, encoding="utf-8")
        return folder

    return make
