"""The warehouse in a DuckDB file, `warehouse.duckdb` in the data folder."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from pitwall.command import PlainError
from pitwall.needs import NotAvailable
from pitwall.raw.lake import lake_from_environment
from pitwall.raw.predictions import ledger_fingerprint
from pitwall.warehouse.base import (
    Reader,
    Warehouse,
    check_clock,
    duckdb_frame,
    is_of_other_results,
    report_kept_history,
)
from pitwall.warehouse.build_log import SCHEMA
from pitwall.warehouse.changes import find_changes, has_checksums, record
from pitwall.warehouse.contents import HISTORY
from pitwall.warehouse.opening import check_path, unreadable
from pitwall.warehouse.sql import glob_pattern, identifier, literal

STORAGE = "v1.2.0"  # the format of a new file: every client since DuckDB 1.2 reads it; as in profiles.yml
FICLONE = 0x40049409  # Linux: two files share their data until one of them is written to


class DuckDBWarehouse(Warehouse):
    """Builds a new file and renames it over the last one, so that readers of the last one are not disturbed.

    The new file has the same name in another folder, because DuckDB names a catalog after its file, and views
    refer to the catalog.
    """

    target = "duckdb"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.final = data / "warehouse.duckdb"
        self.new = data / ".build" / "warehouse.duckdb"
        self.parquet = data / "parquet"
        self.results = self.parquet / "results.parquet"
        self.ledger = ""  # its fingerprint before the build: what is added meanwhile is left for the next one

    def __str__(self) -> str:
        return str(self.final)

    def exists(self) -> bool:
        return self.final.exists()

    def begin(self) -> dict[str, str]:
        check_path(self.new.absolute())
        self.new.parent.mkdir(exist_ok=True)
        for leftover in (self.new, write_ahead_log(self.new)):
            leftover.unlink(missing_ok=True)
        self.ledger = ledger_fingerprint(self.data)
        lake = lake_from_environment()
        # A lake has no checksums.
        if lake or not has_checksums(self.parquet):
            self.code = ""
        connection = {"PITWALL_WAREHOUSE": str(self.new.absolute())}
        if not self.exists():
            self.plan = "full: there is no warehouse yet"
            return connection
        try:
            self.log = self.read_log()
            with duckdb.connect(self.final, read_only=True) as last:
                changes = self.why_full or find_changes(last, self.parquet, self.code, self.ledger)
                if not isinstance(changes, str) and changes.is_nothing:
                    self.is_current = True
                    self.plan = changes.summary
                    return connection
                if not isinstance(changes, str):
                    check_history(last, self.final)
                    # Nobody can write to the last warehouse while it is open here.
                    self.copy_last()
                    self.plan = changes.summary
                    self.selection = changes.options
                    return connection | changes.variables
            self.plan = f"full: {changes}"
            if lake:
                self.results = lake.fetch_table("results", self.new.parent)
            self.leaves_history = carry_history(self.final, self.new, self.results)
            with duckdb.connect(self.new) as new:
                self.write_log(new)
        except duckdb.Error as error:
            raise unreadable(self.final, error) from None
        return connection

    def copy_last(self) -> None:
        """Copy the last warehouse to the new place. Raises PlainError if the disk has no room for it."""
        try:
            copy_warehouse(self.final, self.new)
        except OSError as error:
            for copy in (self.new, write_ahead_log(self.new)):
                copy.unlink(missing_ok=True)
            raise PlainError(f"{self.new}: {error.strerror}: the last good warehouse is unchanged") from None

    def failed_build(self) -> str:
        return str(self.new) if self.new.exists() else ""

    @contextmanager
    def reader(self, *, new: bool) -> Iterator[Reader]:
        file = self.new if new else self.final
        if not file.exists():
            raise NotAvailable(f"{file}: is not built yet; `make build` builds it")
        try:
            with duckdb.connect(file, read_only=True) as connection:

                def query(sql: str) -> pl.DataFrame:
                    return duckdb_frame(connection, sql)

                def tables(schema: str) -> list[str]:
                    names = "select table_name from information_schema.tables where table_schema = "
                    return query(f"{names}{literal(schema)} order by table_name")["table_name"].to_list()

                yield Reader(tables, query)
        except duckdb.Error as error:
            raise unreadable(file, error) from None

    def commit(self) -> None:
        try:
            with duckdb.connect(self.new) as connection:
                record(connection, self.parquet, self.code, self.ledger)
                self.write_log(connection)
                connection.execute("checkpoint")
        except duckdb.Error as error:
            last = "the last good warehouse is unchanged" if self.exists() else "there is no warehouse yet"
            raise PlainError(f"{self.new}: cannot be completed: {last}. DuckDB says: {error}") from None
        if self.leaves_history:
            report_kept_history(keep_copy(self.final))
        # A log that another program left belongs to the last file. DuckDB would apply it to the new one.
        write_ahead_log(self.final).unlink(missing_ok=True)
        self.new.replace(self.final)

    def write_log(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Write the builds into the new warehouse. DuckDB's views find a table that was replaced."""
        connection.execute(f"create schema if not exists {SCHEMA}")
        for table, rows in self.log.frames():
            # DuckDB reads a data frame by way of pyarrow only, which is not installed.
            file = self.new.with_name(f"{table.name}.parquet")
            rows.write_parquet(file)
            connection.execute(
                f"create or replace table {SCHEMA}.{table.name} as from read_parquet(?)", [glob_pattern(file)]
            )
            file.unlink()

    def reading(self) -> dict[str, str]:
        if not self.exists():
            raise NotAvailable(f"{self}: is not built yet; `make build` builds it")
        try:
            # dbt and mf open it for writing, and end with a long traceback if they cannot.
            duckdb.connect(self.final).close()
        except duckdb.Error as error:
            raise unreadable(self.final, error) from None
        return {}

    def export(self, folder: Path) -> None:
        self.reading()
        with duckdb.connect(self.final, read_only=True) as connection:
            for schema in self.EXPORTED:
                query = "select table_name from information_schema.tables where table_schema = ?"
                for (table,) in connection.execute(query, [schema]).fetchall():
                    out = folder / schema / table
                    out.mkdir(parents=True)
                    file = literal(out / "all.parquet")
                    connection.execute(f"copy {schema}.{identifier(table)} to {file} (format parquet)")


def write_ahead_log(warehouse: Path) -> Path:
    """The file that DuckDB keeps next to a database that is open for writing."""
    return warehouse.with_name(warehouse.name + ".wal")


def check_history(connection: duckdb.DuckDBPyConnection, last: Path) -> None:
    """Raise PlainError if the history has a time in the future."""
    [(latest,)] = connection.execute(
        f"select max(greatest(dbt_valid_from, dbt_valid_to)) from snapshots.{HISTORY}"
    ).fetchall()
    check_clock(latest, datetime.now(UTC), last, "this machine")


def carry_history(last: Path, new: Path, results: Path) -> bool:
    """Copy the snapshots of the last warehouse into the new file, where dbt adds to them.

    They are not copied if the new results are of another championship, because every result would look
    revised.

    Returns:
        Whether there is a history that was not copied.

    Raises:
        duckdb.Error: the last warehouse cannot be read.
    """
    with duckdb.connect(new, config={"storage_compatibility_version": STORAGE}) as connection:
        connection.execute(f"attach {literal(last)} as last (read_only)")
        tables = connection.execute(
            "select table_name from information_schema.tables "
            "where table_catalog = 'last' and table_schema = 'snapshots'"
        ).fetchall()
        if (HISTORY,) in tables:
            [counts] = connection.execute(
                "select count(*), count(now.result_id), "
                "count(*) filter (where was.race_id = now.race_id and was.driver_id = now.driver_id) "
                f"from last.snapshots.{HISTORY} as was left join read_parquet(?) as now using (result_id) "
                "where was.dbt_valid_to is null",
                [glob_pattern(results)],
            ).fetchall()
            if is_of_other_results(*counts):
                return True
        connection.execute("create schema snapshots")
        for (table,) in tables:
            name = identifier(table)
            connection.execute(f"create table snapshots.{name} as from last.snapshots.{name}")
        if (HISTORY,) in tables:
            check_history(connection, last)
    return False


def copy_warehouse(warehouse: Path, copy: Path) -> None:
    """Copy a warehouse and its write-ahead log, if any; as a clone if the file system can."""
    for source, destination in ((warehouse, copy), (write_ahead_log(warehouse), write_ahead_log(copy))):
        if source.exists():
            with source.open("rb") as reader, destination.open("wb") as writer:
                try:
                    fcntl.ioctl(writer, FICLONE, reader.fileno())
                except OSError:
                    shutil.copyfileobj(reader, writer, 2**20)


def keep_copy(warehouse: Path) -> Path:
    """Copy a warehouse and its write-ahead log, if any, to a name with the time. Returns that path."""
    copy = warehouse.with_name(f"warehouse-{datetime.now(UTC):%Y%m%d-%H%M%S}.duckdb")
    shutil.copy2(warehouse, copy)
    if write_ahead_log(warehouse).exists():
        shutil.copy2(write_ahead_log(warehouse), write_ahead_log(copy))
    return copy
