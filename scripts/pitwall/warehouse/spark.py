"""The warehouse on Spark: files in the data folder, or tables of the server that SPARK_REMOTE names."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import polars
from polars import selectors
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from pitwall.command import PlainError, first_line
from pitwall.needs import NotAvailable, check_spark, spark_settings
from pitwall.warehouse.base import (
    Reader,
    Warehouse,
    check_clock,
    duckdb_frame,
    is_of_other_results,
    report_kept_history,
)
from pitwall.warehouse.build_log import SCHEMA
from pitwall.warehouse.contents import HISTORY
from pitwall.warehouse.sql import glob_pattern, literal

RACE_AND_DRIVER = ("race_id", "driver_id")


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

    def __str__(self) -> str:
        return str(self.final)

    def exists(self) -> bool:
        return self.final.exists()

    def begin(self) -> dict[str, str]:
        check_spark()
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
                self.leaves_history = True
            else:
                check_clock(latest_time(history), datetime.now(UTC), self, "this machine")
                # dbt creates the snapshot from it. It cannot be a table yet: dbt starts the catalog.
                carried = {"PITWALL_HISTORY": str(self.last_history().absolute())}
        if last:
            self.log = self.read_log()
        self.new.mkdir(parents=True)
        return {**dbt_settings(self.new), **carried}

    def last_history(self) -> Path:
        """The folder of the history in the last warehouse. It may not exist."""
        return self.final.resolve() / "snapshots.db" / HISTORY

    def failed_build(self) -> str:
        return str(self.new) if any(self.new.glob("*.db")) else ""

    @contextmanager
    def reader(self, *, new: bool) -> Iterator[Reader]:
        folder = self.new if new else self.final.resolve()
        if not folder.exists():
            raise NotAvailable(f"{self}: is not built yet; `make build ENGINE=spark` builds it")
        with duckdb.connect() as connection:

            def tables(schema: str) -> list[str]:
                names = sorted(
                    table.name
                    for table in (folder / f"{schema}.db").glob("*")
                    if any(table.glob("*.parquet"))
                )
                connection.execute(f"create schema if not exists {schema}")
                for name in names:
                    files = literal(f"{glob_pattern(folder / f'{schema}.db' / name)}/*.parquet")
                    connection.execute(
                        f"create or replace view {schema}.{name} as from read_parquet({files})"
                    )
                return names

            def query(sql: str) -> polars.DataFrame:
                return without_time_zone(duckdb_frame(connection, sql))

            yield Reader(tables, query)

    def commit(self) -> None:
        if self.leaves_history:
            kept = self.folder / f"snapshots-{self.new.name}" / HISTORY
            shutil.copytree(self.last_history(), kept)
            report_kept_history(kept)
        for table, rows in self.log.frames():
            folder = self.new / f"{SCHEMA}.db" / table.name
            folder.mkdir(parents=True, exist_ok=True)
            in_utc(rows).write_parquet(folder / "all.parquet")
        link = self.folder / "current.new"
        link.unlink(missing_ok=True)
        link.symlink_to(self.new.name)
        link.replace(self.final)

    def reading(self) -> dict[str, str]:
        if not self.exists():
            raise NotAvailable(f"{self}: is not built yet; `make build ENGINE=spark` builds it")
        return dbt_settings(self.final.resolve())

    def export(self, folder: Path) -> None:
        self.reading()
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

    def __str__(self) -> str:
        # Not the whole address, because it may have a token in it.
        return f"schemas {', '.join(self.EXPORTED)} at {urlsplit(self.remote).hostname}"

    def exists(self) -> bool:
        return self.had_one

    def begin(self) -> dict[str, str]:
        check_spark()
        with self.session() as spark:
            self.had_one = "marts" in schemas(spark)
            if HISTORY in tables(spark, "snapshots"):
                self.leaves_history = carry_history(spark, f"snapshots{self.suffix}", self.data, self)
        if self.had_one:
            self.log = self.read_log()
        return remote_settings(self.suffix)

    def failed_build(self) -> str:
        return f"schemas *{self.suffix}"

    @property
    def journal_name(self) -> str:
        return str(self)

    @contextmanager
    def reader(self, *, new: bool) -> Iterator[Reader]:
        with self.session() as spark:
            if not new and "marts" not in schemas(spark):
                raise NotAvailable(f"{self}: are not built yet; `make build ENGINE=spark` builds them")

            def query(sql: str) -> polars.DataFrame:
                return without_time_zone(polars.DataFrame(spark.sql(sql).toArrow()))

            yield Reader(lambda schema: tables(spark, schema), query, self.suffix if new else "")

    def commit(self) -> None:
        with self.session() as spark:
            if self.leaves_history:
                kept = f"snapshots_{datetime.now(UTC):%Y%m%d_%H%M%S}"
                copy_history(spark, kept)
                report_kept_history(f"schema {kept}")
            self.write_log(spark)
            for schema in (*self.EXPORTED, SCHEMA):
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

    def write_log(self, spark: SparkSession) -> None:
        """Write the builds into the new schema, from files that the server reads at the same path."""
        spark.sql(f"create schema if not exists {SCHEMA}{self.suffix}").collect()
        for table, rows in self.log.frames():
            name = f"{SCHEMA}{self.suffix}.{table.name}"
            file = self.data.absolute() / ".build" / f"{table.name}.parquet"
            in_utc(rows).write_parquet(file)
            path = str(file).replace("`", "``")
            spark.sql(f"drop table if exists {name}").collect()
            spark.sql(f"create table {name} using parquet as select * from parquet.`{path}`").collect()
            file.unlink()

    def reading(self) -> dict[str, str]:
        with self.reader(new=False):
            return remote_settings("")

    def export(self, folder: Path) -> None:
        self.reading()
        with self.session() as spark:
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


def dbt_settings(folder: Path) -> dict[str, str]:
    """The environment variables that make dbt use the warehouse in a folder."""
    settings = spark_settings()
    # Relative to the project, where dbt runs, because a script of Spark fails if the path has a space.
    conf = str(settings.absolute()) if os.environ.get("SPARK_CONF_DIR") else settings.name
    return {
        "SPARK_CONF_DIR": conf,
        "PITWALL_SPARK": str(folder.absolute()),
        # Spark warns about the version of pandas, which dbt does not use with it.
        "PYTHONWARNINGS": "ignore::FutureWarning:pyspark.testing.utils",
    }


def remote_settings(suffix: str) -> dict[str, str]:
    """The environment variables that make dbt use the schemas with a suffix at the server."""
    return {
        "PITWALL_SCHEMA_SUFFIX": suffix,
        # dbt-spark asks for Hive, about which Spark Connect warns with each statement; the catalog is the
        # server's.
        "PYTHONWARNINGS": "ignore::UserWarning:pyspark.sql.connect.conf",
    }


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
        return polars.read_parquet(sorted(folder.glob("*.parquet")), glob=False)
    except (OSError, polars.exceptions.PolarsError) as error:
        raise PlainError(
            f"{folder}: cannot be read, and no other folder has the history of revised results. Put a good "
            "copy in its place, or move the folder away to start a new history. "
            f"Polars says: {first_line(error)}"
        ) from None


def is_of_another_championship(history: polars.DataFrame, data: Path) -> bool:
    """Whether the history is of other results than those in the data folder."""
    now = polars.read_parquet(
        data / "parquet" / "results.parquet", glob=False, columns=["result_id", *RACE_AND_DRIVER]
    )
    current = history.filter(polars.col("dbt_valid_to").is_null())
    known = current.join(now, on="result_id", suffix="_now")
    same = known.filter(*(polars.col(name) == polars.col(f"{name}_now") for name in RACE_AND_DRIVER))
    return is_of_other_results(current.height, known.height, same.height)


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
        Whether there is a history that was not copied.
    """
    history = fetch_table(spark, f"snapshots.{HISTORY}")
    if is_of_another_championship(history, data):
        return True
    [[now]] = spark.sql("select unix_micros(current_timestamp())").collect()
    check_clock(latest_time(history), datetime.fromtimestamp(now / 1e6, UTC), warehouse, "the server")
    copy_history(spark, schema)
    return False


def fetch_table(spark: SparkSession, table: str) -> polars.DataFrame:
    """A table of the server. Its times are UTC without a time zone, as in the files that Spark writes."""
    return without_time_zone(polars.DataFrame(spark.table(table).toArrow()))


def without_time_zone(frame: polars.DataFrame) -> polars.DataFrame:
    """The rows with their times in UTC, without a time zone."""
    return frame.with_columns(
        selectors.datetime(time_zone="*").dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    )


def in_utc(frame: polars.DataFrame) -> polars.DataFrame:
    """The rows with the times that Spark's type `timestamp` has: in UTC, and they say so."""
    return frame.with_columns(selectors.datetime(time_zone=None).dt.replace_time_zone("UTC"))


def copy_history(spark: SparkSession, schema: str) -> None:
    """Create a schema with a copy of the last history."""
    spark.sql(f"create schema {schema}").collect()
    spark.sql(f"create table {schema}.{HISTORY} using parquet as table snapshots.{HISTORY}").collect()
