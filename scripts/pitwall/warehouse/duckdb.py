"""The warehouse in a DuckDB file, `warehouse.duckdb` in the data folder."""

import fcntl
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from pitwall.command import PlainError
from pitwall.raw.lake import lake_from_environment
from pitwall.warehouse import changes
from pitwall.warehouse.base import (
    HISTORY,
    NotAvailable,
    Warehouse,
    check_clock,
    is_of_other_results,
    tell_what_stays_behind,
)

FICLONE = 0x40049409  # Linux: let two files share their data until one is written to


class DuckDBWarehouse(Warehouse):
    """Builds a new file and renames it over the last one, so that whoever reads that is not disturbed.

    The new file has the same name in another folder, because a DuckDB catalog is named after its file and
    the views refer to it.
    """

    target = "duckdb"

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.final = data / "warehouse.duckdb"
        self.aside = data / ".build" / "warehouse.duckdb"
        self.parquet = data / "parquet"
        self.results = self.parquet / "results.parquet"
        self.stays_behind = False

    def __str__(self) -> str:
        return str(self.final)

    def exists(self) -> bool:
        return self.final.exists()

    def begin(self) -> dict[str, str]:
        self.aside.parent.mkdir(exist_ok=True)
        for leftover in (self.aside, write_ahead_log(self.aside)):
            leftover.unlink(missing_ok=True)
        source = lake_from_environment()
        # What is in a lake has no checksums.
        if source or not changes.can_be_told(self.parquet):
            self.code = ""
        place = {"PITWALL_WAREHOUSE": str(self.aside.absolute())}
        if not self.exists():
            self.plan = "full: there is no warehouse yet"
            return place
        try:
            with duckdb.connect(self.final, read_only=True) as last:
                found = self.why_full or changes.find(last, self.parquet, self.code)
                if not isinstance(found, str) and found.is_nothing:
                    self.is_current = True
                    self.plan = found.told
                    return place
                if not isinstance(found, str):
                    check_history(last, self.final)
                    # While it is open nobody can write to it.
                    self.copy_last()
                    self.plan = found.told
                    return place | found.variables
            self.plan = f"full: {found}"
            if source:
                self.results = source.fetch_table("results", self.aside.parent)
            self.stays_behind = carry_history(self.final, self.aside, self.results)
        except duckdb.Error as error:
            raise PlainError(
                f"{self.final}: cannot be read, and no other file has the history of revised results. If "
                "another program writes to it, start again when that has ended; if it is broken, put a good "
                f"copy in its place, or move it away to begin a new history. DuckDB says: {error}"
            ) from None
        return place

    def copy_last(self) -> None:
        """Copy the last warehouse to the place aside. Raises PlainError if there is no room for it."""
        try:
            copy_warehouse(self.final, self.aside)
        except OSError as error:
            for copy in (self.aside, write_ahead_log(self.aside)):
                copy.unlink(missing_ok=True)
            raise PlainError(
                f"{self.aside}: {error.strerror}: the last good warehouse is unchanged"
            ) from None

    def kept(self) -> str:
        return str(self.aside) if self.aside.exists() else ""

    def commit(self) -> tuple[int, int]:
        try:
            with duckdb.connect(self.aside) as connection:
                changes.record(connection, self.parquet, self.code)
            counts = count_marts(self.aside)
        except duckdb.Error as error:
            last = "the last good warehouse is unchanged" if self.exists() else "there is no warehouse yet"
            raise PlainError(f"{self.aside}: cannot be completed: {last}. DuckDB says: {error}") from None
        if self.stays_behind:
            tell_what_stays_behind(keep_beside(self.final))
        # A log that somebody's broken session left belongs to the old file; DuckDB would try it on the new.
        write_ahead_log(self.final).unlink(missing_ok=True)
        self.aside.replace(self.final)
        return counts

    def export(self, folder: Path) -> None:
        if not self.exists():
            raise NotAvailable(f"{self}: is not built yet; `make build` builds it")
        with duckdb.connect(self.final, read_only=True) as connection:
            for schema in self.EXPORTED:
                query = "select table_name from information_schema.tables where table_schema = ?"
                for (table,) in connection.execute(query, [schema]).fetchall():
                    place = folder / schema / table
                    place.mkdir(parents=True)
                    file = str(place / "all.parquet").replace("'", "''")
                    connection.execute(f"copy {schema}.\"{table}\" to '{file}' (format parquet)")


def count_marts(warehouse: Path) -> tuple[int, int]:
    """Fold the write-ahead log into the file, and return the number of tables and of rows in marts."""
    with duckdb.connect(warehouse) as connection:
        connection.execute("checkpoint")
        names = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'marts'"
        ).fetchall()
        rows = [connection.execute(f'select count(*) from marts."{name}"').fetchall() for (name,) in names]
    return len(names), sum(count for [(count,)] in rows)


def write_ahead_log(warehouse: Path) -> Path:
    """The file that DuckDB keeps beside a database while it is open for writing."""
    return warehouse.with_name(warehouse.name + ".wal")


def check_history(connection: duckdb.DuckDBPyConnection, last: Path) -> None:
    """Raise PlainError if the history has a time to come."""
    [(latest,)] = connection.execute(
        f"select max(greatest(dbt_valid_from, dbt_valid_to)) from snapshots.{HISTORY}"
    ).fetchall()
    check_clock(latest, datetime.now(UTC), last, "this machine")


def carry_history(last: Path, aside: Path, results: Path) -> bool:
    """Copy the snapshots of the last good warehouse into the new file, where dbt adds to them.

    Returns whether revisions stay behind, because the new results are of another championship: every one of
    them would look revised. Raises duckdb.Error if the file cannot be read.
    """
    with duckdb.connect(aside) as connection:
        quoted = str(last).replace("'", "''")
        connection.execute(f"attach '{quoted}' as last (read_only)")
        tables = connection.execute(
            "select table_name from information_schema.tables "
            "where table_catalog = 'last' and table_schema = 'snapshots'"
        ).fetchall()
        if (HISTORY,) in tables:
            [counts] = connection.execute(
                "select count(*), "
                "count(*) filter (where was.race_id = now.race_id and was.driver_id = now.driver_id) "
                f"from last.snapshots.{HISTORY} as was join read_parquet(?) as now using (result_id) "
                "where was.dbt_valid_to is null",
                [str(results)],
            ).fetchall()
            if is_of_other_results(*counts):
                query = f"select count(dbt_valid_to) > 0 from last.snapshots.{HISTORY}"
                return connection.execute(query).fetchall() == [(True,)]
        connection.execute("create schema snapshots")
        for (table,) in tables:
            connection.execute(f'create table snapshots."{table}" as from last.snapshots."{table}"')
        if (HISTORY,) in tables:
            check_history(connection, last)
    return False


def copy_warehouse(warehouse: Path, copy: Path) -> None:
    """Copy a warehouse, and the log that may belong to it; as a clone where the file system can."""
    for file, to in ((warehouse, copy), (write_ahead_log(warehouse), write_ahead_log(copy))):
        if file.exists():
            with file.open("rb") as source, to.open("wb") as target:
                try:
                    fcntl.ioctl(target, FICLONE, source.fileno())
                except OSError:
                    shutil.copyfileobj(source, target, 2**20)


def keep_beside(warehouse: Path) -> Path:
    """Copy a warehouse, and the log that may belong to it, to a name that tells the time. Returns it."""
    copy = warehouse.with_name(f"warehouse-{datetime.now(UTC):%Y%m%d-%H%M%S}.duckdb")
    shutil.copy2(warehouse, copy)
    if write_ahead_log(warehouse).exists():
        shutil.copy2(write_ahead_log(warehouse), write_ahead_log(copy))
    return copy
