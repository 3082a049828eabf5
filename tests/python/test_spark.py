"""`make build ENGINE=spark`: the same warehouse as on DuckDB, here and on clusters, whole or not at all."""

import importlib.util
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
from conftest import ROOT, SCRIPTS, Builder, mounted, must_run, record, run, simulate

pytestmark = pytest.mark.extra
if not shutil.which("java") and not os.environ.get("JAVA_HOME"):
    pytest.skip("no Java for Spark: neither in PATH nor in JAVA_HOME", allow_module_level=True)
found = importlib.util.find_spec("pyspark")
if not found or not found.origin:
    pytest.skip("no Spark: `make spark-extra` installs it", allow_module_level=True)

SPARK_CLASS = Path(found.origin).parent / "bin" / "spark-class"

# When a build saw something is its own.
NO_TIMES = "columns(lambda name: not starts_with(name, 'dbt_') and name <> 'revised_at')"


@pytest.fixture(scope="session")
def data(builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two simulated seasons in Parquet, and their DuckDB warehouse."""
    folder = tmp_path_factory.mktemp("spark") / "my data"
    simulate(2, folder)
    builder.warehouse(folder / "raw", folder)
    return folder


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings of the project, but that little data is not shared out, nor a query planned anew."""
    folder = tmp_path_factory.mktemp("settings") / "spark"
    shutil.copytree(ROOT / "spark", folder)
    file = folder / "spark-defaults.conf"
    text, lines = re.subn(r"(?m)^(spark.sql.shuffle.partitions) .*$", r"\1 1", file.read_text())
    assert lines == 1
    file.write_text(f"{text}spark.sql.adaptive.enabled false\n")
    return folder


@pytest.fixture(scope="session")
def built(data: Path, settings: Path) -> tuple[Path, str]:
    """The folder of the Spark warehouse of the same files, and what the build said."""
    said = must_run(SCRIPTS / "build.py", "--engine", "spark", PITWALL_DATA=data, SPARK_CONF_DIR=settings)
    return data / "spark" / "current", said


def table_files(folder: Path) -> str:
    """A table on Spark as DuckDB reads it."""
    return f"read_parquet('{folder}/*.parquet')"


def differences(warehouse: Path, spark: Path, schema: str) -> dict[str, str]:
    """What is not the same in the two warehouses, by table."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        query = "select table_name from information_schema.tables where table_schema = ?"
        tables = {name for (name,) in connection.execute(query, [schema]).fetchall()}
        found = {folder.name: "only there" for folder in (spark / f"{schema}.db").iterdir()}
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
                query = f"select {NO_TIMES} from {this} except all select {NO_TIMES} from {that}"
                if rows := connection.execute(query).fetchmany(3):
                    found[table] = f"only in {this}: {rows}"
    return found


# What is built


def test_a_build_says_what_it_made_and_nothing_else(built: tuple[Path, str]) -> None:
    folder, said = built
    assert folder.is_symlink()
    assert f"The warehouse is ready: {folder}, 3" in said
    # Java's, of a module that Spark asks for.
    said = said.replace("WARNING: Using incubator modules: jdk.incubator.vector\n", "")
    assert "warn" not in said.lower()
    assert "Exception" not in said


@pytest.mark.parametrize("schema", ["marts", "quality", "snapshots", "seeds"])
def test_every_cell_is_that_of_duckdb(data: Path, built: tuple[Path, str], schema: str) -> None:
    """Seeds with their quotes, backslashes and empty cells, which dbt-spark writes as they come."""
    assert differences(data / "warehouse.duckdb", built[0], schema) == {}


def test_a_comparison_would_see_a_wrong_cell(data: Path, built: tuple[Path, str], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(built[0], copy)
    (file,) = (copy / "marts.db" / "dim_circuits").glob("*.parquet")
    table = polars.read_parquet(file)
    wrong = polars.col("circuit_name").replace(table["circuit_name"][0], "Nowhere")
    table.with_columns(wrong).write_parquet(file)
    assert list(differences(data / "warehouse.duckdb", copy, "marts")) == ["dim_circuits"]


def test_a_broken_constraint_fails_the_build(data: Path, built: tuple[Path, str], tmp_path: Path) -> None:
    """Spark enforces none; the project looks for itself. An empty and a repeated key in one dimension."""
    broken = tmp_path / "data"
    shutil.copytree(data / "parquet", broken / "parquet")
    file = broken / "parquet" / "circuits.parquet"
    table = polars.read_parquet(file)
    polars.concat([table, table.head(1)]).write_parquet(file)
    result = dbt(broken, "build", "-s", "+dim_circuits", "--exclude-resource-type", "test")
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


def is_bound(port: int) -> bool:
    """Whether a program listens on a port of loopback."""
    with socket.socket() as probe:
        return not probe.connect_ex(("127.0.0.1", port))


# What scripts/build.py does, with less than the whole project: what dbt selects. CUT_SHORT has a server fail
# after the first schema of views, and whoever reads them look at them then.
BUILD = """
import contextlib, os, subprocess, sys
from pathlib import Path
from pitwall.warehouse import spark as warehouse_spark

warehouse = warehouse_spark.spark_warehouse(Path(os.environ["PITWALL_DATA"]))
place = warehouse.begin()
subprocess.run(sys.argv[2:], env={**os.environ, **place}, check=True)
if os.environ.get("CUT_SHORT"):
    tables = warehouse_spark.tables
    warehouse_spark.tables = lambda spark, schema: tables(spark, schema) if schema < "q" else 1 / 0
    with contextlib.suppress(ZeroDivisionError):
        warehouse.commit()
    warehouse_spark.tables = tables
    warehouse.export(Path(os.environ["CUT_SHORT"]))
print("COMMITTED", warehouse, *warehouse.commit(), flush=True)
warehouse.export(Path(sys.argv[1]))
"""
# The history of results, and all that it hangs on.
SUBSET = "+fct_result_revisions"


def build_subset(data: Path, export: Path, *selected: str, **environment: str | Path) -> str:
    """Build, commit and export a part of the project; returns what was said."""
    command = [Path(sys.executable).with_name("dbt"), "build", "--target=spark", "--log-level-file=none"]
    command += ["--target-path", data / "target", "--exclude-resource-type", "unit_test"]
    command += ["--indirect-selection", "cautious", "--select", *selected]
    build = [sys.executable, "-c", BUILD, export, *command]
    said = must_run(*build, PYTHONPATH=SCRIPTS, PITWALL_DATA=data, **environment)
    for folder in list(export.iterdir()):
        folder.rename(folder.with_name(f"{folder.name}.db"))
    return said


@pytest.fixture(scope="session")
def revised(data: Path, builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the DuckDB warehouse after results were revised.

    Of the first race, the last at the flag got another time, and the winner another number: the one with
    the old number has left the source, and the other is new.
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


def is_revised(revised: Path, first: Path, spark: Path) -> None:
    """The history after the second build is that of DuckDB, and goes on from that of the first."""
    warehouse = revised / "warehouse.duckdb"
    assert differences(warehouse, spark, "snapshots") == {}
    found = differences(warehouse, spark, "marts")
    assert {what for table, what in found.items()} == {"missing"}
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
        "versions that are not there any more"
    )
    query = f"select count(*) = count(distinct dbt_scd_id), count(distinct dbt_valid_from) from {after}"
    assert duckdb.sql(query).fetchall() == [(True, 2)]
    query = (
        f"select revised_column from {table_files(spark / 'marts.db' / 'fct_result_revisions')} order by 1"
    )
    assert duckdb.sql(query).fetchall() == [("result",), ("time_ms",)]


def test_the_target_moves_to_a_standalone_cluster(
    built: tuple[Path, str], revised: Path, settings: Path, tmp_path: Path
) -> None:
    """A master and one worker make the next build. All that changes is one line of the settings."""
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
        started(master, f"{classes}.master.Master", *listen, str(web), "--port", str(master)),
        started(
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
    is_revised(revised, built[0], tmp_path / "export")


def test_the_target_moves_to_a_spark_connect_server(
    data: Path, revised: Path, settings: Path, tmp_path: Path
) -> None:
    """All that changes is SPARK_REMOTE. The server has the settings of the project; any other would do.

    Without Java, which is at the server. The second build leaves out a table, which then is nowhere; where
    the views are turned to it half, all of them answer.
    """
    port = free_port()
    small = tmp_path / "my data"
    shutil.copytree(data / "parquet", small / "parquet")
    with started(
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
        said = build_subset(small, tmp_path / "first", SUBSET, "+dim_circuits", **remote)
        shutil.rmtree(small / "parquet")
        shutil.copytree(revised / "parquet", small / "parquet")
        half = tmp_path / "half"
        said += build_subset(small, tmp_path / "second", SUBSET, CUT_SHORT=half, **remote)
        left = sorted(folder.name for folder in (tmp_path / "tables").glob("marts*"))
    assert not is_bound(port)
    assert said.count("COMMITTED schemas marts, quality, snapshots at 127.0.0.1") == 2
    rows = [
        polars.read_parquet(half / schema / table).height
        for schema, table in (("marts", "fct_result_revisions"), ("snapshots", "race_results_history"))
    ]
    versions = tmp_path / "first" / "snapshots.db" / "race_results_history"
    assert rows == [2, polars.read_parquet(versions).height], "marts of this build, the history of the last"
    assert len(left) == 2, f"the schema of views and that of the last tables, not {left}"
    assert "dim_circuits" not in differences(data / "warehouse.duckdb", tmp_path / "first", "marts")
    assert differences(data / "warehouse.duckdb", tmp_path / "second", "marts")["dim_circuits"] == "missing"
    is_revised(revised, tmp_path / "first", tmp_path / "second")


# Whole or not at all: with a dbt that finds the one result revised each time, a Java that only tells its
# version, and no Spark

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
    """A data folder with some Parquet, a dbt and a Java that pretend."""

    def __init__(self, root: Path, fake: Path) -> None:
        self.data = root / "my data"
        (self.data / "parquet").mkdir(parents=True)
        self.results(driver=44)
        self.fake = fake
        self.home = root / "java"
        self.java(JAVA)

    def results(self, driver: int) -> None:
        result = polars.DataFrame({"result_id": [1], "race_id": [9], "driver_id": [driver]})
        result.write_parquet(self.data / "parquet" / "results.parquet")
        record(self.data / "parquet")

    def java(self, script: str) -> None:
        (self.home / "bin").mkdir(parents=True, exist_ok=True)
        (self.home / "bin" / "java").write_text(script)
        (self.home / "bin" / "java").chmod(0o755)

    def build(self, rows: int = 3, ends: int = 0, **environment: str | Path) -> tuple[int, str]:
        environment = {"JAVA_HOME": self.home, "PYTHONPATH": self.fake, **environment}
        fake = {"FAKE_ROWS": str(rows), "FAKE_EXIT": str(ends)}
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


def test_a_good_build_is_turned_to(project: Project) -> None:
    code, said = project.build(rows=1234)
    assert (code, project.rows()) == (0, 1234), said
    assert "1 tables with 1,234 rows in marts" in said
    assert project.build(rows=5)[0] == 0
    assert project.rows() == 5


def test_a_reader_finds_the_files_of_the_last_warehouse_until_the_next_build(project: Project) -> None:
    project.build(rows=3)
    last = (project.data / "spark" / "current").resolve()
    project.build(rows=4)
    assert polars.read_parquet(last / "marts.db" / "laps").height == 3
    project.build(rows=5)
    assert not last.exists()
    assert len(list((project.data / "spark").iterdir())) == 3, "the link, the last and the one before"


def test_a_failed_build_leaves_the_last_good_one(project: Project) -> None:
    project.build(rows=3)
    code, said = project.build(rows=4, ends=1)
    assert (code, project.rows()) == (2, 3)
    assert "the last good warehouse is unchanged; the failed one is kept for a look at" in said
    assert project.build(rows=6)[0] == 0
    assert project.rows() == 6


def test_each_build_adds_to_the_history_and_a_failed_one_does_not(project: Project) -> None:
    project.build()
    project.build()
    assert project.build(ends=1)[0] == 2
    assert project.versions() == 2
    project.build()
    assert project.versions() == 3


def test_the_revisions_of_other_results_are_kept_beside(project: Project) -> None:
    project.build()
    project.build()
    project.results(driver=63)
    code, said = project.build()
    assert (code, project.versions()) == (0, 1)
    [kept] = (project.data / "spark").glob("snapshots-*/race_results_history")
    assert f"{kept} keeps their revisions" in said
    assert polars.read_parquet(kept).height == 2
    project.build()
    assert kept.is_dir()


def test_other_results_without_revisions_begin_a_history_of_their_own(project: Project) -> None:
    project.build()
    project.results(driver=63)
    assert "revisions" not in project.build()[1]
    assert project.versions() == 1
    assert not list((project.data / "spark").glob("snapshots-*"))


def test_a_history_from_the_future_is_not_added_to(project: Project) -> None:
    project.build(rows=3)
    [file] = project.history().iterdir()
    later = polars.col("dbt_valid_from") + polars.duration(days=1)
    polars.read_parquet(file).with_columns(later).write_parquet(file)
    plain(project.build(rows=4), "spark/current: was built at", "the clock of this machine is not there yet")
    assert (project.rows(), project.versions()) == (3, 1)


def test_a_broken_history_is_not_replaced_in_silence(project: Project) -> None:
    project.build(rows=3)
    [file] = project.history().iterdir()
    file.write_bytes(b"no Parquet")
    plain(project.build(rows=4), "race_results_history: cannot be read, and nothing else has the history")
    assert (project.rows(), file.read_bytes()) == (3, b"no Parquet")


def test_a_folder_in_the_place_of_the_link_is_not_touched(project: Project) -> None:
    """Who runs dbt without the script before any build makes one."""
    (project.data / "spark" / "current" / "marts.db").mkdir(parents=True)
    plain(project.build(), "is not a link that a build made; move it away")
    assert (project.data / "spark" / "current" / "marts.db").is_dir()


def plain(ran: tuple[int, str], *words: str) -> None:
    """It has failed with one plain line."""
    code, said = ran
    assert code == 2, said
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    for word in words:
        assert word in said


@pytest.fixture
def good(project: Project) -> Iterator[Project]:
    """A project with a warehouse of three rows, which is still there at the end."""
    assert project.build(rows=3)[0] == 0
    yield project
    assert project.rows() == 3


def test_without_java(good: Project, tmp_path: Path) -> None:
    plain(good.build(JAVA_HOME=tmp_path), f"JAVA_HOME={tmp_path} has no bin/java", "install Java 17")
    plain(
        good.build(JAVA_HOME="", PATH=tmp_path),
        "no java in PATH, and JAVA_HOME is not set",
        "install Java 17",
    )


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_392"])
def test_java_that_is_too_old(good: Project, version: str) -> None:
    good.java(JAVA.replace("17.0.1", version))
    major = version.removeprefix("1.").partition(".")[0]
    plain(good.build(), f"is Java {major}, Spark needs 17")


@pytest.mark.parametrize("script", ["#!/bin/sh\necho 'no libjvm.so'\nexit 1\n", "no program", "#!/bin/sh\n"])
def test_java_that_is_broken(good: Project, script: str) -> None:
    good.java(script)
    plain(good.build(), f"{good.home / 'bin' / 'java'} does not run")


def test_a_remote_that_does_not_answer(good: Project) -> None:
    port = free_port()
    said = good.build(SPARK_REMOTE=f"sc://127.0.0.1:{port}/;token=secret")
    plain(said, f"SPARK_REMOTE: 127.0.0.1:{port} does not answer (Connection refused)")
    assert "secret" not in said[1]


@pytest.mark.parametrize("address", ["localhost:15002", "http://localhost", "sc://", "sc://localhost:many"])
def test_a_remote_that_is_no_address(good: Project, address: str) -> None:
    plain(good.build(SPARK_REMOTE=address), "SPARK_REMOTE: is no address of the form sc://host:15002")


def settings_with(folder: Path, line: str) -> Path:
    """A copy of the project's settings with one more."""
    shutil.copytree(ROOT / "spark", folder)
    with (folder / "spark-defaults.conf").open("a") as file:
        file.write(f"{line}\n")
    return folder


def test_a_master_that_does_not_answer(good: Project, tmp_path: Path) -> None:
    port = free_port()
    settings = settings_with(tmp_path / "settings", f"spark.master spark://127.0.0.1:{port}")
    plain(good.build(SPARK_CONF_DIR=settings), f"spark.master: 127.0.0.1:{port} does not answer")


def test_a_port_that_is_taken(good: Project, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = settings_with(tmp_path / "settings", f"spark.driver.port={port}")
        plain(
            good.build(SPARK_CONF_DIR=settings),
            f"spark.driver.port {port}: Address already in use on 127.0.0.1",
        )


def test_settings_that_are_not_there(good: Project, tmp_path: Path) -> None:
    plain(good.build(SPARK_CONF_DIR=tmp_path), "spark-defaults.conf: no such file")


def test_without_pyspark(good: Project) -> None:
    (good.fake / "pyspark.py").write_text("raise ModuleNotFoundError('no', name='pyspark')\n")
    plain(good.build(), "spark: pyspark is not installed; `make build ENGINE=spark` installs it")
    (good.fake / "pyspark.py").unlink()


def test_a_full_disk(data: Path, tmp_path: Path) -> None:
    """With the real Spark. It is the catalog that no longer fits."""
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
