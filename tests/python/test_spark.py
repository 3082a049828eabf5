"""`make build ENGINE=spark`: the same warehouse as on DuckDB, here and on clusters, whole or not at all."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars
import pytest
from conftest import ROOT, SCRIPTS, build_warehouse, must_run, run

if not shutil.which("java") and not os.environ.get("JAVA_HOME"):
    pytest.skip("no Java for Spark: neither in PATH nor in JAVA_HOME", allow_module_level=True)
if not os.environ.get("PITWALL_SPARK_TESTS"):
    pytest.skip("a build on Spark takes minutes: PITWALL_SPARK_TESTS=1 runs it", allow_module_level=True)
pyspark = pytest.importorskip("pyspark", reason="no Spark: `make spark-extra` installs it")

SPARK_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"

# Why a table of marts is not there on Spark.
NOT_ON_SPARK = {"fct_result_revisions": "It reads a snapshot, which updates rows."}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two simulated seasons in Parquet, and their DuckDB warehouse."""
    folder = tmp_path_factory.mktemp("spark") / "my data"
    must_run(SCRIPTS / "simulate.py", "--seasons", "2", folder / "raw")
    build_warehouse(folder / "raw", folder)
    return folder


@pytest.fixture(scope="session")
def built(data: Path) -> tuple[Path, str]:
    """The folder of the Spark warehouse of the same files, and what the build said."""
    said = must_run(SCRIPTS / "build.py", "--engine", "spark", PITWALL_DATA=data)
    return data / "spark" / "current", said


def table_files(folder: Path) -> str:
    """A table on Spark as DuckDB reads it."""
    return f"read_parquet('{folder}/*.parquet')"


def differences(warehouse: Path, spark: Path, schema: str) -> dict[str, str]:
    """What is not the same in the two warehouses, by table."""
    found = {}
    with duckdb.connect(warehouse, read_only=True) as connection:
        query = "select table_name from information_schema.tables where table_schema = ?"
        for (table,) in connection.execute(query, [schema]).fetchall():
            if table in NOT_ON_SPARK:
                continue
            other = spark / f"{schema}.db" / table
            if not other.is_dir():
                found[table] = "missing"
                continue
            sides = [f'{schema}."{table}"', table_files(other)]
            names = [
                [row[:2] for row in connection.execute(f"describe select * from {side}").fetchall()]
                for side in sides
            ]
            if names[0] != names[1]:
                found[table] = f"columns {sorted(set(names[0]) ^ set(names[1])) or 'in another order'}"
                continue
            for this, that in (sides, sides[::-1]):
                query = f"select * from {this} except all select * from {that}"
                if rows := connection.execute(query).fetchmany(3):
                    found[table] = f"only in {this}: {rows}"
    return found


# What is built


def test_a_build_says_what_it_made_and_nothing_else(built: tuple[Path, str]) -> None:
    folder, said = built
    assert folder.is_symlink()
    assert f"The warehouse is ready: {folder}, 3" in said
    assert "WARN" not in said
    assert "Exception" not in said


@pytest.mark.parametrize("schema", ["marts", "quality"])
def test_every_cell_is_that_of_duckdb(data: Path, built: tuple[Path, str], schema: str) -> None:
    assert differences(data / "warehouse.duckdb", built[0], schema) == {}


def test_seeds_arrive_as_they_are(data: Path, built: tuple[Path, str]) -> None:
    """With quotes, backslashes and empty cells, which dbt-spark writes as they come."""
    assert differences(data / "warehouse.duckdb", built[0], "seeds") == {}


def test_a_comparison_would_see_a_wrong_cell(data: Path, built: tuple[Path, str], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(built[0], copy)
    (file,) = (copy / "marts.db" / "dim_circuits").glob("*.parquet")
    table = polars.read_parquet(file)
    table.with_columns(polars.col("circuit_name").replace(table["circuit_name"][0], "Nowhere")).write_parquet(
        file
    )
    assert list(differences(data / "warehouse.duckdb", copy, "marts")) == ["dim_circuits"]


def test_only_the_revisions_are_missing(data: Path, built: tuple[Path, str]) -> None:
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        query = "select table_name from information_schema.tables where table_schema = 'marts'"
        tables = {name for (name,) in connection.execute(query).fetchall()}
    assert tables - {folder.name for folder in (built[0] / "marts.db").iterdir()} == set(NOT_ON_SPARK)


def test_a_broken_constraint_fails_the_build(data: Path, built: tuple[Path, str], tmp_path: Path) -> None:
    """Spark enforces none; the project looks for itself. An empty and a repeated key in one dimension."""
    broken = tmp_path / "data"
    shutil.copytree(data / "parquet", broken / "parquet")
    file = broken / "parquet" / "circuits.parquet"
    table = polars.read_parquet(file)
    polars.concat([table, table.head(1)]).write_parquet(file)
    result = dbt(broken, "run", "-s", "stg_ergast__circuits", "dim_circuits", "name_aliases")
    assert result.returncode == 1
    assert "Constraint violated in marts.dim_circuits, 1 rows: circuit_id: unique" in result.stdout


def dbt(data: Path, *arguments: str, **environment: str | Path) -> subprocess.CompletedProcess[str]:
    """Run dbt on Spark as a person does, without the script."""
    return run(
        Path(sys.executable).with_name("dbt"),
        *arguments,
        "--target=spark",
        "--log-level-file=none",
        "--target-path",
        data / "target",
        **{"PITWALL_DATA": data, "SPARK_CONF_DIR": "spark", **environment},
    )


# On a cluster, by configuration alone


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def started(port: int, *arguments: str | Path, **environment: str | Path) -> Iterator[None]:
    """A part of Spark that runs beside, from when it listens until the end of the block."""
    process = subprocess.Popen(
        [SPARK_CLASS, *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "SPARK_CONF_DIR": "spark",
            **{name: str(value) for name, value in environment.items()},
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(1200):
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    break
            assert process.poll() is None, f"{arguments[0]} has ended"
            time.sleep(0.1)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


@pytest.fixture
def small(data: Path, tmp_path: Path) -> Path:
    """A data folder with nothing but the Parquet files."""
    shutil.copytree(data / "parquet", tmp_path / "small" / "parquet")
    return tmp_path / "small"


SUBSET = ["-s", "+fct_race_results", "+dim_circuits", "--indirect-selection", "cautious"]
