"""What the tests share: running the scripts as a person does, and warehouses built once per session."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

import polars as pl
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
TESTS = ROOT / "tests" / "python"
DBT = Path(sys.executable).with_name("dbt")

# So that a test may import a script, as the scripts import each other.
sys.path.insert(0, str(SCRIPTS))


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


def build_warehouse(raw: Path, data: Path) -> Path:
    """What `make build RAW=raw` does, in a data folder of its own. Returns the warehouse file.

    It goes without the packages of other engines, which may be installed here.
    """
    clone = {name: os.environ[name] for name in ("PITWALL_DBT_UTILS",) if name in os.environ}
    must_run(SCRIPTS / "setup_packages.py", **clone, **no_engines())
    must_run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data, **no_engines())
    must_run(SCRIPTS / "build.py", PITWALL_DATA=data, **no_engines())
    return data / "warehouse.duckdb"


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
def simulated_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of five simulated seasons, in its data folder; dbt's target is .build/target there."""
    data = tmp_path_factory.mktemp("simulated")
    must_run(SCRIPTS / "simulate.py", "--seasons", "5", data / "raw")
    return build_warehouse(data / "raw", data)


@pytest.fixture(scope="session")
def real_files() -> Path:
    """The folder of the real CSVs, where they are at hand; otherwise the test is skipped."""
    named = os.environ.get("PITWALL_REAL_DATA")
    raw = Path(named) if named else ROOT.parent / "shared" / "data" / "ergast"
    if not named and not raw.is_dir():
        pytest.skip("no real data: point PITWALL_REAL_DATA at a folder of the real CSVs")
    return raw


@pytest.fixture(scope="session")
def real_warehouse(real_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of the real files."""
    return build_warehouse(real_files, tmp_path_factory.mktemp("real"))


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
