"""The warehouse on Spark: files in the data folder, or tables of the server that SPARK_REMOTE names."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import polars
from polars import selectors
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from pitwall.command import ROOT, PlainError, first_line
from pitwall.warehouse.base import (
    NotAvailable,
    Warehouse,
    check_clock,
    is_of_other_results,
    report_kept_history,
)
from pitwall.warehouse.contents import HISTORY, Contents, read_contents
from pitwall.warehouse.sql import file_pattern, literal

RACE_AND_DRIVER = ("race_id", "driver_id")
OLDEST_JAVA = 17
SECONDS_TO_ANSWER = 10


class SparkWarehouse(Warehouse):
    """Builds tables and a catalog in a new folder, then changes the link `current` to that folder.

    A catalog has the absolute paths of its tables, so a folder keeps its name once it is built. A query that
    is running on the last warehouse still finds its files: the next build deletes them.
    """

    target = "spark"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.folder = data / "spark"
        self.final = self.folder / "current"
        self.new = self.folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
        self.leaves_history = False

    def __str__(self) -> str:
        return str(self.final)

    def exists(self) -> bool:
        return self.final.exists()

    def begin(self) -> dict[str, str]:
        settings = Path(os.environ.get("SPARK_CONF_DIR") or ROOT / "spark")
        check_spark(settings)
        if self.final.is_dir() and not self.final.is_symlink():
            raise PlainError(f"{self.final}: is not a link that a build made; move it away, then start again")
        last = self.final.resolve() if self.exists() else None
        for leftover in self.folder.glob("2*"):
            if leftover.resolve() != last:
                shutil.rmtree(leftover)
        carried = {}
        if self.last_history().is_dir():
            history = read_table(self.last_history())
            if is_of_another_championship(history, self.data):
                self.leaves_history = history["dbt_valid_to"].count() > 0
            else:
                check_clock(latest_time(history), datetime.now(UTC), self, "this machine")
                # dbt creates the snapshot from it. It cannot be a table yet: dbt starts the catalog.
                carried = {"PITWALL_HISTORY": str(self.last_history().absolute())}
        self.new.mkdir(parents=True)
        # Relative to the project, where dbt runs, because a script of Spark fails if the path has a space.
        conf = str(settings.absolute()) if os.environ.get("SPARK_CONF_DIR") else settings.name
        return {
            "SPARK_CONF_DIR": conf,
            "PITWALL_SPARK": str(self.new.absolute()),
            # Spark warns about the version of pandas, which dbt does not use with it.
            "PYTHONWARNINGS": "ignore::FutureWarning:pyspark.testing.utils",
            **carried,
        }

    def last_history(self) -> Path:
        """The folder of the history in the last warehouse. It may not exist."""
        return self.final.resolve() / "snapshots.db" / HISTORY

    def failed_build(self) -> str:
        return str(self.new) if any(self.new.glob("*.db")) else ""

    def contents(self, *, new: bool) -> Contents:
        folder = self.new if new else self.final.resolve()
        with duckdb.connect() as connection:

            def tables(schema: str) -> list[str]:
                names = sorted(table.name for table in (folder / f"{schema}.db").glob("*") if table.is_dir())
                connection.execute(f"create schema {schema}")
                for name in names:
                    files = literal(f"{file_pattern(folder / f'{schema}.db' / name)}/*.parquet")
                    connection.execute(f"create view {schema}.{name} as from read_parquet({files})")
                return names

            def query(sql: str) -> list[tuple[Any, ...]]:
                return connection.execute(sql).fetchall()

            return read_contents(tables, query)

    def commit(self) -> None:
        if self.leaves_history:
            kept = self.folder / f"snapshots-{self.new.name}" / HISTORY
            shutil.copytree(self.last_history(), kept)
            report_kept_history(kept)
        link = self.folder / "current.new"
        link.unlink(missing_ok=True)
        link.symlink_to(self.new.name)
        link.replace(self.final)

    def export(self, folder: Path) -> None:
        if not self.exists():
            raise NotAvailable(f"{self}: is not built yet; `make build ENGINE=spark` builds it")
        for schema in self.EXPORTED:
            if (self.final / f"{schema}.db").is_dir():
                shutil.copytree(self.final / f"{schema}.db", folder / schema)


class RemoteSparkWarehouse(Warehouse):
    """Builds into new schemas at a Spark Connect server, then redefines the views that people query.

    The catalog is the server's, and Spark cannot rename a schema. The server reads the Parquet at the same
    path. Each view changes at once, but one after another: someone who reads two of them meanwhile may see
    one of each build. If commit() is cut short, some views still read the tables of the last build. Those are
    dropped only after all views are redefined, and the next build redefines them all.
    """

    target = "spark"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.remote = os.environ["SPARK_REMOTE"]
        self.suffix = f"_{datetime.now(UTC):%Y%m%d%H%M%S}"
        self.had_one = False
        self.leaves_history = False

    def __str__(self) -> str:
        # Not the whole address, because it may have a token in it.
        return f"schemas {', '.join(self.EXPORTED)} at {urlsplit(self.remote).hostname}"

    def exists(self) -> bool:
        return self.had_one

    def begin(self) -> dict[str, str]:
        check_answers("SPARK_REMOTE", self.remote, "sc", 15002)
        with self.session() as spark:
            self.had_one = "marts" in schemas(spark)
            if HISTORY in tables(spark, "snapshots"):
                self.leaves_history = carry_history(spark, f"snapshots{self.suffix}", self.data, self)
        # dbt-spark asks for Hive, about which Spark Connect warns with each statement; the catalog is the
        # server's.
        return {
            "PITWALL_SCHEMA_SUFFIX": self.suffix,
            "PYTHONWARNINGS": "ignore::UserWarning:pyspark.sql.connect.conf",
        }

    def failed_build(self) -> str:
        return f"schemas *{self.suffix}"

    def contents(self, *, new: bool) -> Contents:
        suffix = self.suffix if new else ""
        with self.session() as spark:

            def query(sql: str) -> list[tuple[Any, ...]]:
                return [tuple(row) for row in spark.sql(sql).collect()]

            return read_contents(
                lambda schema: tables(spark, schema), query, f"marts{suffix}", f"snapshots{suffix}"
            )

    def commit(self) -> None:
        with self.session() as spark:
            if self.leaves_history:
                kept = f"snapshots_{datetime.now(UTC):%Y%m%d_%H%M%S}"
                copy_history(spark, kept)
                report_kept_history(f"schema {kept}")
            for schema in self.EXPORTED:
                spark.sql(f"create schema if not exists {schema}").collect()
                built, last = tables(spark, schema + self.suffix), tables(spark, schema)
                for table in built:
                    view = f"{schema}.{table}"
                    spark.sql(
                        f"create or replace view {view} as table {schema}{self.suffix}.{table}"
                    ).collect()
                for table in set(last) - set(built):
                    spark.sql(f"drop view {schema}.{table}").collect()
            for schema in schemas(spark):
                if re.search(r"_\d{14}$", schema) and not schema.endswith(self.suffix):
                    spark.sql(f"drop schema {schema} cascade").collect()

    def export(self, folder: Path) -> None:
        with self.session() as spark:
            if "marts" not in schemas(spark):
                raise NotAvailable(f"{self}: are not built yet; `make build ENGINE=spark` builds them")
            for schema in self.EXPORTED:
                for table in tables(spark, schema):
                    (folder / schema / table).mkdir(parents=True)
                    rows = fetch_table(spark, f"{schema}.{table}")
                    rows.write_parquet(folder / schema / table / "all.parquet")

    @contextmanager
    def session(self) -> Iterator[SparkSession]:
        """A session at the server. An error of Spark becomes a PlainError with its first line."""
        try:
            spark = SparkSession.builder.remote(self.remote).getOrCreate()
        except PySparkException as error:
            raise PlainError(f"SPARK_REMOTE: {error}") from None
        try:
            yield spark
        except PySparkException as error:
            raise PlainError(f"SPARK_REMOTE: {first_line(error)}") from None
        finally:
            spark.stop()


def spark_warehouse(data: Path) -> Warehouse:
    """The warehouse in the data folder, or at the server that SPARK_REMOTE names."""
    return (RemoteSparkWarehouse if os.environ.get("SPARK_REMOTE") else SparkWarehouse)(data)


def schemas(spark: SparkSession) -> list[str]:
    """The schemas of the catalog."""
    return [row[0] for row in spark.sql("show schemas").collect()]


def tables(spark: SparkSession, schema: str) -> list[str]:
    """The tables and views of a schema. Without such a schema there are none."""
    if schema not in schemas(spark):
        return []
    return [row["tableName"] for row in spark.sql(f"show tables in {schema}").collect()]


def read_table(folder: Path) -> polars.DataFrame:
    """A table as Spark wrote it. Raises PlainError if it cannot be read."""
    try:
        return polars.read_parquet(folder / "*.parquet")
    except (OSError, polars.exceptions.PolarsError) as error:
        raise PlainError(
            f"{folder}: cannot be read, and no other folder has the history of revised results. Put a good "
            "copy in its place, or move the folder away to start a new history. "
            f"Polars says: {first_line(error)}"
        ) from None


def is_of_another_championship(history: polars.DataFrame, data: Path) -> bool:
    """Whether the history is of other results than those in the data folder."""
    now = polars.read_parquet(data / "parquet" / "results.parquet", columns=["result_id", *RACE_AND_DRIVER])
    known = history.filter(polars.col("dbt_valid_to").is_null()).join(now, on="result_id", suffix="_now")
    same = known.filter(*(polars.col(name) == polars.col(f"{name}_now") for name in RACE_AND_DRIVER))
    return is_of_other_results(known.height, same.height)


def latest_time(history: polars.DataFrame) -> datetime | None:
    """The latest time in the history; None if it has no rows."""
    latest: datetime | None = history.select(
        polars.max_horizontal(polars.max("dbt_valid_from", "dbt_valid_to"))
    ).item()
    return latest


def carry_history(spark: SparkSession, schema: str, data: Path, warehouse: Warehouse) -> bool:
    """Copy the last history into a new schema, where dbt adds to it.

    It is not copied if the new results are of another championship, because every result would look revised.

    Returns:
        Whether there are revisions that were not copied.
    """
    history = fetch_table(spark, f"snapshots.{HISTORY}")
    if is_of_another_championship(history, data):
        return history["dbt_valid_to"].count() > 0
    [[now]] = spark.sql("select unix_micros(current_timestamp())").collect()
    check_clock(latest_time(history), datetime.fromtimestamp(now / 1e6, UTC), warehouse, "the server")
    copy_history(spark, schema)
    return False


def fetch_table(spark: SparkSession, table: str) -> polars.DataFrame:
    """A table of the server. Its times are UTC without a time zone, as in the files that Spark writes."""
    in_utc = selectors.datetime(time_zone="*").dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return polars.DataFrame(spark.table(table).toArrow()).with_columns(in_utc)


def copy_history(spark: SparkSession, schema: str) -> None:
    """Create a schema with a copy of the last history."""
    spark.sql(f"create schema {schema}").collect()
    spark.sql(f"create table {schema}.{HISTORY} using parquet as table snapshots.{HISTORY}").collect()


def check_spark(settings: Path) -> None:
    """Raise PlainError if Spark cannot start, or the master in its settings does not answer."""
    check_java()
    options = read_settings(settings / "spark-defaults.conf")
    master = options.get("spark.master", "")
    if master.startswith("spark://"):
        check_answers("spark.master", master, "spark", 7077)
    if port := int(options.get("spark.driver.port", 0)):
        check_free(options.get("spark.driver.bindAddress", "127.0.0.1"), port)


def check_java() -> None:
    """Raise NotAvailable if there is no Java, PlainError if it is too old or does not run."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not java or not Path(java).is_file():
        where = f"JAVA_HOME={home} has no bin/java" if home else "no java in PATH, and JAVA_HOME is not set"
        raise NotAvailable(
            f"spark: {where}; install Java {OLDEST_JAVA} or later (on Debian: default-jre-headless)"
        )
    try:
        result = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60)
        output, code = result.stderr + result.stdout, result.returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        output, code = str(error), 1
    found = re.search(r'version "(?:1\.)?(\d+)', output)
    if code or not found:
        first = output.strip().partition("\n")[0] or f"exit code {code}"
        raise PlainError(f"spark: {java} does not run ({first}); install another or set JAVA_HOME")
    if int(found[1]) < OLDEST_JAVA:
        raise PlainError(
            f"spark: {java} is Java {found[1]}, Spark needs {OLDEST_JAVA}; install it or set JAVA_HOME"
        )


def read_settings(file: Path) -> dict[str, str]:
    """The settings of a spark-defaults.conf. Raises PlainError if there is no such file."""
    if not file.is_file():
        raise PlainError(f"{file}: no such file; SPARK_CONF_DIR must name a folder with Spark's settings")
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    pairs = (re.split(r"[\s=]+", line, maxsplit=1) for line in lines if line and not line.startswith("#"))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def check_answers(setting: str, address: str, scheme: str, usual_port: int) -> None:
    """Raise PlainError if no server answers at the address, `scheme://host:port`, in the setting."""
    url = urlsplit(address)
    try:
        if url.scheme != scheme or not url.hostname:
            raise ValueError
        port = url.port or usual_port
    except ValueError:
        raise PlainError(f"{setting}: is no address of the form {scheme}://host:{usual_port}") from None
    try:
        socket.create_connection((url.hostname, port), SECONDS_TO_ANSWER).close()
    except OSError as error:
        why = error.strerror or error
        raise PlainError(
            f"{setting}: {url.hostname}:{port} does not answer ({why}); start the server, or name another"
        ) from None


def check_free(address: str, port: int) -> None:
    """Raise PlainError if another program listens on the port."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        raise PlainError(
            f"spark.driver.port {port}: {error.strerror} on {address}; end the program that uses it, "
            "or name another port"
        ) from None
