"""`make build ENGINE=spark` gives the same cells as DuckDB, here and on clusters.

A build replaces the last warehouse as a whole, or leaves it as it is.
"""

import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars
import pytest
from conftest import (
    ROOT,
    SCRIPTS,
    SOURCES,
    WITHOUT_DATA_TESTS,
    Builder,
    mounted,
    must_run,
    pass_unit_tests,
    record,
    run,
)

pytestmark = pytest.mark.extra
if not shutil.which("java") and not os.environ.get("JAVA_HOME"):
    pytest.skip("no Java for Spark: neither in PATH nor in JAVA_HOME", allow_module_level=True)
found = importlib.util.find_spec("pyspark")
if not found or not found.origin:
    pytest.skip("no Spark: `make spark-extra` installs it", allow_module_level=True)

from pitwall.warehouse.dbt import MERGED_TESTS  # noqa: E402

SPARK_CLASS = Path(found.origin).parent / "bin" / "spark-class"

# Columns with times of a build differ between two builds.
WITHOUT_TIMES = "columns(lambda name: not starts_with(name, 'dbt_') and name <> 'revised_at')"


@pytest.fixture(scope="session")
def data(all_sources_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two simulated seasons in Parquet, and their DuckDB warehouse."""
    return shutil.copytree(all_sources_warehouse.parent, tmp_path_factory.mktemp("spark") / "my data")


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings of the project, for little data: one partition, no adaptive plans, no generated code.

    Small pages and a heap that does not have to grow: Java then looks for garbage a third as often.
    """
    folder = tmp_path_factory.mktemp("settings") / "spark"
    shutil.copytree(ROOT / "spark", folder)
    file = folder / "spark-defaults.conf"
    text = file.read_text()
    for pattern, replacement in (
        (r"(spark.sql.shuffle.partitions) .*", r"\1 1"),
        (r"(spark.buffer.pageSize) .*", r"\1 32k"),
        (r"(spark.driver.extraJavaOptions .*)", r"\1 -Xms2g -Xmn1g"),
    ):
        text, lines = re.subn(rf"(?m)^{pattern}$", replacement, text)
        assert lines == 1
    text += "spark.sql.adaptive.enabled false\n"
    text += "spark.sql.codegen.wholeStage false\nspark.sql.codegen.factoryMode NO_CODEGEN\n"
    file.write_text(text)
    return folder


@pytest.fixture(scope="session")
def built(data: Path, settings: Path) -> tuple[Path, str]:
    """The folder of the Spark warehouse of the same files, and what the build printed.

    Unit tests and data tests take most of the time, and have tests of their own.
    """
    pass_unit_tests(ROOT, data / ".build" / "target-spark")
    environment = {"PITWALL_DATA": data, "SPARK_CONF_DIR": settings, **WITHOUT_DATA_TESTS}
    output = must_run(SCRIPTS / "build.py", "--engine", "spark", **environment)
    return data / "spark" / "current", output


def table_files(folder: Path) -> str:
    """The SQL with which DuckDB reads a table of Spark."""
    return f"read_parquet('{folder}/*.parquet')"


def differences(warehouse: Path, spark: Path, schema: str) -> dict[str, str]:
    """The differences between the two warehouses, by table."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        query = "select table_name from information_schema.tables where table_schema = ?"
        tables = {name for (name,) in connection.execute(query, [schema]).fetchall()}
        found = {folder.name: "only on Spark" for folder in (spark / f"{schema}.db").iterdir()}
        for table in tables:
            other = spark / f"{schema}.db" / table
            if not found.pop(table, None):
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
                query = f"select {WITHOUT_TIMES} from {this} except all select {WITHOUT_TIMES} from {that}"
                if rows := connection.execute(query).fetchmany(3):
                    found[table] = f"only in {this}: {rows}"
    return found


# Cells


def test_a_build_prints_its_result_and_no_warning(built: tuple[Path, str]) -> None:
    folder, output = built
    assert folder.is_symlink()
    assert re.search(rf"The warehouse is ready: {re.escape(str(folder))}, [1-9]\d* tables with", output)
    # Java prints this about a module that Spark uses.
    output = output.replace("WARNING: Using incubator modules: jdk.incubator.vector\n", "")
    assert "warn" not in output.lower()
    assert "Exception" not in output


def test_a_build_is_recorded(data: Path, built: tuple[Path, str]) -> None:
    shown = must_run(SCRIPTS / "last_build.py", "--engine", "spark", "--json", PITWALL_DATA=data)
    build = json.loads(shown)["build"]
    marts = [folder for folder in (built[0] / "marts.db").iterdir() if folder.is_dir()]
    assert (build["outcome"], build["mart_tables"]) == ("succeeded", len(marts))
    assert min(build[stage] for stage in ("seeds_ms", "models_ms", "dbt_ms")) > 0


@pytest.mark.slow
def test_the_unit_tests_pass(data: Path, built: tuple[Path, str], settings: Path) -> None:
    result = dbt(data, "test", "-s", "test_type:unit", SPARK_CONF_DIR=settings)
    assert result.returncode == 0, result.stdout[-3000:]
    assert re.search(r"PASS=([1-9]\d+) WARN=0 ERROR=0 SKIP=0", result.stdout)


@pytest.mark.slow
def test_the_data_tests_pass(data: Path, built: tuple[Path, str], settings: Path) -> None:
    """They are the same queries as on DuckDB, in another dialect, on cells that are equal."""
    options = [*MERGED_TESTS, "--exclude-resource-type", "unit_test"]
    result = dbt(data, "test", *options, SPARK_CONF_DIR=settings)
    assert result.returncode == 0, result.stdout[-3000:]
    assert re.search(r"PASS=([1-9]\d\d) WARN=0 ERROR=0 SKIP=0", result.stdout)


@pytest.mark.parametrize("schema", ["marts", "quality", "snapshots", "seeds"])
def test_every_cell_is_the_same_as_on_duckdb(data: Path, built: tuple[Path, str], schema: str) -> None:
    """Seeds too, with quotes, backslashes and NULLs: dbt-spark itself would not escape them."""
    assert differences(data / "warehouse.duckdb", built[0], schema) == {}


def test_the_comparison_finds_a_wrong_cell(data: Path, built: tuple[Path, str], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(built[0], copy)
    (file,) = (copy / "marts.db" / "dim_circuits").glob("*.parquet")
    table = polars.read_parquet(file)
    wrong = polars.col("circuit_name").replace(table["circuit_name"][0], "Nowhere")
    table.with_columns(wrong).write_parquet(file)
    assert list(differences(data / "warehouse.duckdb", copy, "marts")) == ["dim_circuits"]


@pytest.mark.slow
def test_a_broken_constraint_fails_the_build(data: Path, built: tuple[Path, str], tmp_path: Path) -> None:
    """Spark enforces no constraints, so the project checks them. Here a dimension has a repeated key.

    The data folder is relative, and has an apostrophe in its name.
    """
    broken = tmp_path / "driver's data"
    shutil.copytree(data / "parquet", broken / "parquet")
    file = broken / "parquet" / "circuits.parquet"
    table = polars.read_parquet(file)
    polars.concat([table, table.head(1)]).write_parquet(file)
    relative = Path(os.path.relpath(broken, ROOT))
    result = dbt(relative, "build", "-s", "+dim_circuits", "--exclude-resource-type", "test")
    assert result.returncode == 1
    assert "Constraint violated in marts.dim_circuits, 1 rows: circuit_id: unique" in result.stdout


def dbt(data: Path, *arguments: str, **environment: str | Path) -> subprocess.CompletedProcess[str]:
    """Run dbt on Spark without scripts/build.py."""
    return run(
        Path(sys.executable).with_name("dbt"),
        *arguments,
        "--target=spark",
        "--log-level-file=none",
        "--target-path",
        data / "target",
        **{"PITWALL_DATA": data, "SPARK_CONF_DIR": "spark", **environment},
    )


# On a cluster, with other settings only


def free_port() -> int:
    """A port of loopback on which no program listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(port: int, *arguments: str | Path, **environment: str | Path) -> Iterator[None]:
    """Start a part of Spark, wait until it listens, and stop it at the end of the block."""
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


def is_bound(port: int) -> bool:
    """Whether a program listens on a port of loopback."""
    with socket.socket() as probe:
        return not probe.connect_ex(("127.0.0.1", port))


# Does the same as scripts/build.py, for the models that dbt selects. With CUT_SHORT, the commit first fails
# after one schema of views, and all views are exported in that state.
BUILD = """
import contextlib, os, subprocess, sys
from pathlib import Path
from pitwall.warehouse import spark as warehouse_spark

warehouse = warehouse_spark.spark_warehouse(Path(os.environ["PITWALL_DATA"]))
environment = warehouse.begin()
subprocess.run(sys.argv[2:], env={**os.environ, **environment}, check=True)
if os.environ.get("CUT_SHORT"):
    tables = warehouse_spark.tables
    warehouse_spark.tables = lambda spark, schema: tables(spark, schema) if schema < "q" else 1 / 0
    with contextlib.suppress(ZeroDivisionError):
        warehouse.commit()
    warehouse_spark.tables = tables
    warehouse.export(Path(os.environ["CUT_SHORT"]))
built = warehouse.contents(new=True).rows
warehouse.commit()
print("COMMITTED", warehouse, len(built), sum(built.values()), flush=True)
warehouse.export(Path(sys.argv[1]))
"""
# The revisions of results, and everything that they are computed from.
SUBSET = "+fct_result_revisions"


def build_subset(data: Path, export: Path, *selected: str, **environment: str | Path) -> str:
    """Build, commit and export a part of the project. Returns what was printed."""
    command = [Path(sys.executable).with_name("dbt"), "build", "--target=spark", "--log-level-file=none"]
    command += ["--target-path", data / "target", "--exclude-resource-type", "unit_test"]
    command += ["--indirect-selection", "cautious", "--select", *selected]
    build = [sys.executable, "-c", BUILD, export, *command]
    output = must_run(*build, PYTHONPATH=SCRIPTS, PITWALL_DATA=data, **environment)
    for folder in list(export.iterdir()):
        folder.rename(folder.with_name(f"{folder.name}.db"))
    return output


@pytest.fixture(scope="session")
def revised(data: Path, builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the DuckDB warehouse after results were revised.

    In the first race, the last finisher gets another time, and the winner's result gets another id: the
    result with the old id is removed, and the one with the new id is new.
    """
    folder = tmp_path_factory.mktemp("revised")
    shutil.copytree(data / "raw", folder / "raw")
    shutil.copy(data / "warehouse.duckdb", folder)
    file = folder / "raw" / "results.csv"
    results = polars.read_csv(file, infer_schema=False)
    times = polars.col("milliseconds").cast(polars.Int64, strict=False)
    last = (polars.col("raceId") == "1") & (times == times.filter(polars.col("raceId") == "1").max())
    results.with_columns(
        milliseconds=polars.when(last).then((times + 5000).cast(str)).otherwise("milliseconds"),
        resultId=polars.col("resultId").replace("1", "77777"),
    ).write_csv(file)
    builder.warehouse(folder / "raw", folder)
    return folder


def check_history(revised: Path, first: Path, spark: Path) -> None:
    """Check that the history after the second build is that of DuckDB, and continues that of the first."""
    warehouse = revised / "warehouse.duckdb"
    assert differences(warehouse, spark, "snapshots") == {}
    found = differences(warehouse, spark, "marts")
    assert {difference for table, difference in found.items()} == {"missing"}
    assert {"dim_races", "dim_statuses", "fct_result_revisions"}.isdisjoint(found)
    before, after = (table_files(each / "snapshots.db" / "race_results_history") for each in (first, spark))
    query = (
        "select result_id = 1, result_id = 77777, dbt_valid_to is null, "
        "dbt_valid_from = lag(dbt_valid_to) over (partition by result_id order by dbt_valid_from) "
        f"from {after} where dbt_updated_at = dbt_valid_from "
        "qualify result_id in (1, 77777) or count(*) over (partition by result_id) > 1 "
        "order by result_id, dbt_valid_from"
    )
    assert duckdb.sql(query).fetchall() == [
        (True, False, False, None),
        (False, False, False, None),
        (False, False, True, True),
        (False, True, True, None),
    ]
    version = "select dbt_scd_id, dbt_valid_from from"
    assert duckdb.sql(f"{version} {before} except {version} {after}").fetchall() == [], (
        "versions that were lost"
    )
    query = f"select count(*) = count(distinct dbt_scd_id), count(distinct dbt_valid_from) from {after}"
    assert duckdb.sql(query).fetchall() == [(True, 2)]
    query = (
        f"select revised_column from {table_files(spark / 'marts.db' / 'fct_result_revisions')} order by 1"
    )
    assert duckdb.sql(query).fetchall() == [("result",), ("time_ms",)]


@pytest.mark.slow
def test_a_build_runs_on_a_standalone_cluster(
    built: tuple[Path, str], revised: Path, settings: Path, tmp_path: Path
) -> None:
    """A master and one worker do the next build. Only spark.master and limits for the test are changed."""
    master, web, worker = free_port(), free_port(), free_port()
    cluster = tmp_path / "cluster"
    shutil.copytree(settings, cluster)
    file = cluster / "spark-defaults.conf"
    text, lines = re.subn(
        r"(?m)^spark.master .*$", f"spark.master spark://127.0.0.1:{master}", file.read_text()
    )
    assert lines == 1
    file.write_text(text + "spark.cores.max 1\nspark.executor.memory 1g\n")
    data = tmp_path / "my data"
    shutil.copytree(built[0].parent, data / "spark", symlinks=True)
    shutil.copytree(revised / "parquet", data / "parquet")
    listen = ["--host", "127.0.0.1", "--webui-port"]
    classes = "org.apache.spark.deploy"
    with (
        running(master, f"{classes}.master.Master", *listen, str(web), "--port", str(master)),
        running(
            worker,
            f"{classes}.worker.Worker",
            *listen,
            str(worker),
            *("--cores", "1", "--memory", "1g", "--work-dir", tmp_path / "work"),
            f"spark://127.0.0.1:{master}",
        ),
    ):
        build_subset(data, tmp_path / "export", SUBSET, SPARK_CONF_DIR=cluster)
        assert list((tmp_path / "work").glob("app-*/0")), "the worker has done nothing"
    assert not is_bound(master)
    assert not is_bound(worker)
    check_history(revised, built[0], tmp_path / "export")


@pytest.mark.slow
def test_a_build_runs_on_a_spark_connect_server(
    data: Path, revised: Path, settings: Path, tmp_path: Path
) -> None:
    """Only SPARK_REMOTE is set. The server has the settings of the project, but could have others.

    - The client has no Java.
    - The second build leaves out a table, which then exists no longer.
    - After a commit that failed halfway, all views still answer.
    """
    port = free_port()
    small = tmp_path / "my data"
    shutil.copytree(data / "parquet", small / "parquet")
    with running(
        port,
        "org.apache.spark.deploy.SparkSubmit",
        *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
        *("--conf", f"spark.connect.grpc.binding.port={port}"),
        *("--conf", "spark.connect.grpc.binding.address=127.0.0.1"),
        "spark-internal",
        PITWALL_SPARK=tmp_path / "tables",
        SPARK_CONF_DIR=settings,
    ):
        remote = {"SPARK_REMOTE": f"sc://127.0.0.1:{port}/;user_id=somebody", "JAVA_HOME": tmp_path}
        output = build_subset(small, tmp_path / "first", SUBSET, "+dim_dates", **remote)
        shutil.rmtree(small / "parquet")
        shutil.copytree(revised / "parquet", small / "parquet")
        half = tmp_path / "half"
        output += build_subset(small, tmp_path / "second", SUBSET, CUT_SHORT=half, **remote)
        left = sorted(folder.name for folder in (tmp_path / "tables").glob("marts*"))
    assert not is_bound(port)
    assert output.count("COMMITTED schemas marts, quality, snapshots at 127.0.0.1") == 2
    rows = [
        polars.read_parquet(half / schema / table).height
        for schema, table in (("marts", "fct_result_revisions"), ("snapshots", "race_results_history"))
    ]
    versions = tmp_path / "first" / "snapshots.db" / "race_results_history"
    assert rows == [2, polars.read_parquet(versions).height], "marts of this build, the history of the last"
    assert len(left) == 2, f"the schema of views and that of the last tables, not {left}"
    assert "dim_dates" not in differences(data / "warehouse.duckdb", tmp_path / "first", "marts")
    assert differences(data / "warehouse.duckdb", tmp_path / "second", "marts")["dim_dates"] == "missing"
    check_history(revised, tmp_path / "first", tmp_path / "second")


# All or nothing. A fake dbt revises the one result in each build, a fake Java only prints its version, and
# Spark does not run.

JAVA = "#!/bin/sh\necho 'openjdk version \"17.0.1\" 2021-10-19' >&2\n"
FAKE_DBT = """
import datetime, json, os, sys
from pathlib import Path
import polars

def cli():
    tables = Path(os.environ["PITWALL_SPARK"])
    history = tables / "snapshots.db" / "race_results_history"
    history.mkdir(parents=True)
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    results = polars.read_parquet(Path(os.environ["PITWALL_DATA"], "parquet", "results.parquet"))
    versions = [results.with_columns(dbt_valid_from=now, dbt_valid_to=polars.lit(None, polars.Datetime))]
    if last := os.environ.get("PITWALL_HISTORY"):
        ended = polars.read_parquet(last + "/*.parquet")
        versions.insert(0, ended.with_columns(polars.col("dbt_valid_to").fill_null(now)))
    polars.concat(versions).write_parquet(history / "part-0.parquet")
    table = tables / "marts.db" / "laps"
    table.mkdir(parents=True)
    polars.DataFrame({"lap": range(int(os.environ["FAKE_ROWS"]))}).write_parquet(table / "part-0.parquet")
    target = Path(sys.argv[sys.argv.index("--target-path") + 1])
    target.mkdir(parents=True, exist_ok=True)
    (target / "run_results.json").write_text('{"results": []}')
    (target / "manifest.json").write_text('{"nodes": {}}')
    return int(os.environ["FAKE_EXIT"])
"""


class Project:
    """A data folder with some Parquet, a fake dbt and a fake Java."""

    def __init__(self, root: Path, fake: Path) -> None:
        self.data = root / "my data"
        (self.data / "parquet").mkdir(parents=True)
        self.results()
        self.fake = fake
        self.home = root / "java"
        self.java(JAVA)

    def results(self, driver: int = 44, result_id: int = 1) -> None:
        """Write one result of this driver, with this id."""
        result = polars.DataFrame({"result_id": [result_id], "race_id": [9], "driver_id": [driver]})
        result.write_parquet(self.data / "parquet" / "results.parquet")
        record(self.data / "parquet")

    def java(self, script: str) -> None:
        """Write the program that is used as Java."""
        (self.home / "bin").mkdir(parents=True, exist_ok=True)
        (self.home / "bin" / "java").write_text(script)
        (self.home / "bin" / "java").chmod(0o755)

    def build(self, rows: int = 3, exit_code: int = 0, **environment: str | Path) -> tuple[int, str]:
        """Build marts of so many rows, with a dbt that ends so. Returns the exit code and the output."""
        environment = {"JAVA_HOME": self.home, "PYTHONPATH": self.fake, **environment}
        fake = {"FAKE_ROWS": str(rows), "FAKE_EXIT": str(exit_code)}
        command = [SCRIPTS / "build.py", "--engine", "spark"]
        result = run(*command, PITWALL_DATA=self.data, **fake, **environment)
        return result.returncode, result.stdout

    def rows(self) -> int:
        return polars.read_parquet(self.data / "spark" / "current" / "marts.db" / "laps").height

    def history(self) -> Path:
        return self.data / "spark" / "current" / "snapshots.db" / "race_results_history"

    def versions(self) -> int:
        return polars.read_parquet(self.history()).height


@pytest.fixture
def project(tmp_path: Path, fake_dbt: Callable[[str], Path]) -> Project:
    return Project(tmp_path, fake_dbt(FAKE_DBT))


def test_a_good_build_replaces_the_last_one(project: Project) -> None:
    code, output = project.build(rows=1234)
    assert (code, project.rows()) == (0, 1234), output
    assert "1 tables with 1,234 rows in marts" in output
    assert project.build(rows=5)[0] == 0
    assert project.rows() == 5


def test_the_files_of_the_last_warehouse_are_kept_until_the_next_build(project: Project) -> None:
    project.build(rows=3)
    last = (project.data / "spark" / "current").resolve()
    project.build(rows=4)
    assert polars.read_parquet(last / "marts.db" / "laps").height == 3
    project.build(rows=5)
    assert not last.exists()
    assert len(list((project.data / "spark").iterdir())) == 3, "the link, this warehouse and the last one"


def test_a_failed_build_leaves_the_last_good_one(project: Project) -> None:
    project.build(rows=3)
    code, output = project.build(rows=4, exit_code=1)
    assert (code, project.rows()) == (2, 3)
    assert "the last good warehouse is unchanged; the failed one is kept for a look at" in output
    assert project.build(rows=6)[0] == 0
    assert project.rows() == 6


def test_each_build_adds_to_the_history_and_a_failed_one_does_not(project: Project) -> None:
    project.build()
    project.build()
    assert project.build(exit_code=1)[0] == 2
    assert project.versions() == 2
    project.build()
    assert project.versions() == 3


@pytest.mark.parametrize("others", [{"driver": 63}, {"result_id": 2}], ids=["drivers", "ids"])
def test_the_history_of_other_results_are_kept_in_a_folder_of_their_own(
    project: Project, others: dict[str, int]
) -> None:
    project.build()
    project.build()
    project.results(**others)
    code, output = project.build()
    assert (code, project.versions()) == (0, 1)
    [kept] = (project.data / "spark").glob("snapshots-*/race_results_history")
    assert f"{kept} keeps their history" in output
    assert polars.read_parquet(kept).height == 2
    project.build()
    assert kept.is_dir()


def test_a_history_from_the_future_is_refused(project: Project) -> None:
    project.build(rows=3)
    [file] = project.history().iterdir()
    later = polars.col("dbt_valid_from") + polars.duration(days=1)
    polars.read_parquet(file).with_columns(later).write_parquet(file)
    check_failure(
        project.build(rows=4), "spark/current: was built at", "in the future by the clock of this machine"
    )
    assert (project.rows(), project.versions()) == (3, 1)


def test_a_broken_history_is_reported_and_not_replaced(project: Project) -> None:
    project.build(rows=3)
    [file] = project.history().iterdir()
    file.write_bytes(b"no Parquet")
    check_failure(
        project.build(rows=4), "race_results_history: cannot be read, and no other folder has the history"
    )
    assert (project.rows(), file.read_bytes()) == (3, b"no Parquet")


def test_a_folder_with_the_name_of_the_link_is_not_touched(project: Project) -> None:
    """dbt without the script makes such a folder, if it runs before any build."""
    (project.data / "spark" / "current" / "marts.db").mkdir(parents=True)
    check_failure(project.build(), "is not a link that a build made; move it away")
    assert (project.data / "spark" / "current" / "marts.db").is_dir()


def check_failure(result: tuple[int, str], *words: str) -> None:
    """Check that a build failed with one plain line that contains the words."""
    code, output = result
    assert code == 2, output
    assert output.count("\n") == 1, output
    assert "Traceback" not in output
    for word in words:
        assert word in output


@pytest.fixture
def good(project: Project) -> Iterator[Project]:
    """A project with a warehouse of three rows, which is still there at the end."""
    assert project.build(rows=3)[0] == 0
    yield project
    assert project.rows() == 3


def test_a_missing_java_is_reported(good: Project, tmp_path: Path) -> None:
    check_failure(good.build(JAVA_HOME=tmp_path), f"JAVA_HOME={tmp_path} has no bin/java", "install Java 17")
    check_failure(
        good.build(JAVA_HOME="", PATH=tmp_path),
        "no java in PATH, and JAVA_HOME is not set",
        "install Java 17",
    )


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_392"])
def test_an_old_java_is_reported(good: Project, version: str) -> None:
    good.java(JAVA.replace("17.0.1", version))
    major = version.removeprefix("1.").partition(".")[0]
    check_failure(good.build(), f"is Java {major}, Spark needs 17")


@pytest.mark.parametrize("script", ["#!/bin/sh\necho 'no libjvm.so'\nexit 1\n", "no program", "#!/bin/sh\n"])
def test_a_broken_java_is_reported(good: Project, script: str) -> None:
    good.java(script)
    check_failure(good.build(), f"{good.home / 'bin' / 'java'} does not run")


def test_a_remote_that_does_not_answer_is_reported(good: Project) -> None:
    port = free_port()
    result = good.build(SPARK_REMOTE=f"sc://127.0.0.1:{port}/;token=secret")
    check_failure(result, f"SPARK_REMOTE: 127.0.0.1:{port} does not answer (Connection refused)")
    assert "secret" not in result[1]


@pytest.mark.parametrize("address", ["localhost:15002", "http://localhost", "sc://", "sc://localhost:many"])
def test_an_invalid_remote_is_reported(good: Project, address: str) -> None:
    check_failure(good.build(SPARK_REMOTE=address), "SPARK_REMOTE: is no address of the form sc://host:15002")


def settings_with(folder: Path, line: str) -> Path:
    """A copy of the project's settings with one more line."""
    shutil.copytree(ROOT / "spark", folder)
    with (folder / "spark-defaults.conf").open("a") as file:
        file.write(f"{line}\n")
    return folder


def test_a_master_that_does_not_answer_is_reported(good: Project, tmp_path: Path) -> None:
    port = free_port()
    settings = settings_with(tmp_path / "settings", f"spark.master spark://127.0.0.1:{port}")
    check_failure(good.build(SPARK_CONF_DIR=settings), f"spark.master: 127.0.0.1:{port} does not answer")


def test_a_port_in_use_is_reported(good: Project, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = settings_with(tmp_path / "settings", f"spark.driver.port={port}")
        check_failure(
            good.build(SPARK_CONF_DIR=settings),
            f"spark.driver.port {port}: Address already in use on 127.0.0.1",
        )


def test_missing_settings_are_reported(good: Project, tmp_path: Path) -> None:
    check_failure(good.build(SPARK_CONF_DIR=tmp_path), "spark-defaults.conf: no such file")


def test_the_catalog_is_of_the_last_warehouse(good: Project, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(SCRIPTS, folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "spark", folder / "spark")
    shutil.copytree(ROOT / SOURCES, folder / SOURCES)
    (good.fake / "dbt" / "cli" / "main.py").write_text(
        "import os, pathlib, sys\n"
        "def cli():\n"
        "    print('tables in', os.environ['PITWALL_SPARK'])\n"
        "    target = pathlib.Path(sys.argv[sys.argv.index('--target-path') + 1])\n"
        "    (target / 'static_index.html').touch()\n"
    )
    settings = {"PITWALL_DATA": good.data, "PYTHONPATH": good.fake, "JAVA_HOME": good.home}
    without_display = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
    command = [folder / "scripts" / "catalog.py", "--engine", "spark"]
    result = run(*command, cwd=folder, **settings, **without_display)
    assert result.returncode == 0, result.stdout
    assert f"tables in {(good.data / 'spark' / 'current').resolve()}\n" in result.stdout


def test_a_missing_pyspark_is_reported(good: Project) -> None:
    (good.fake / "pyspark.py").write_text("raise ModuleNotFoundError('no', name='pyspark')\n")
    check_failure(good.build(), "spark: pyspark is not installed; `make build ENGINE=spark` installs it")
    (good.fake / "pyspark.py").unlink()


@pytest.mark.slow
def test_a_full_disk_leaves_the_last_warehouse(data: Path, tmp_path: Path) -> None:
    """With the real Spark, whose catalog does not fit on the disk."""
    with mounted(tmp_path / "disk", "4m") as disk:
        last = disk / "spark" / "20260101-000000-000000" / "marts.db"
        last.mkdir(parents=True)
        (disk / "spark" / "current").symlink_to(last.parent.name)
        shutil.copytree(data / "parquet", disk / "parquet")
        (disk / "filler").write_bytes(bytes(shutil.disk_usage(disk).free - 1_000_000))
        result = run(SCRIPTS / "build.py", "--engine", "spark", PITWALL_DATA=disk)
        assert (disk / "spark" / "current").resolve() == last.parent
        assert last.is_dir()
    assert result.returncode == 2
    assert "Traceback" not in result.stdout
    assert "the last good warehouse is unchanged" in result.stdout.splitlines()[-1]
    assert "No space left on device" in result.stdout
