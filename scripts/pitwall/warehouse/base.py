"""What all engines have in common: a warehouse is built in a new place, then replaces the last one."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from pitwall.command import PlainError
from pitwall.warehouse.build_log import SCHEMA, BuildLog, ops_tables
from pitwall.warehouse.contents import Contents, read_contents


@dataclass(frozen=True)
class Reader:
    """A warehouse that is open for reading.

    Args:
        tables: gives the names of the tables of a schema.
        query: gives the answer to a query. Its columns need different names.
        suffix: what follows the names of the schemas.
    """

    tables: Callable[[str], list[str]]
    query: Callable[[str], pl.DataFrame]
    suffix: str = ""


class Warehouse(ABC):
    """One engine's warehouse. Call begin(), run dbt, then call commit(), or failed_build() if dbt failed."""

    target: str  # of profiles.yml
    EXPORTED = ("marts", "quality", "snapshots")

    code = ""  # the fingerprint of the code that builds it; "" if unknown
    why_full = ""  # why a full build is wanted, whatever changed; "" if it is not
    plan = ""  # what begin() decided: a full or an incremental build; "" if the engine has no choice
    leaves_history = False  # begin() found a history of another championship: commit() keeps it elsewhere
    selection: Sequence[str] = ()  # the options of dbt for what begin() decided to build; none for all
    log: BuildLog  # begin() found these builds in the last warehouse; commit() writes them
    is_current = False  # begin() found that the last warehouse is what a build would make

    def __init__(self, data: Path) -> None:
        self.data = data
        self.log = BuildLog.of()

    @abstractmethod
    def __str__(self) -> str:
        """What messages call it: a file, or a database and its server."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether there is a last good warehouse."""

    @abstractmethod
    def begin(self) -> dict[str, str]:
        """Prepare a new place to build in, with the history of revised results, or with a copy to update.

        Returns:
            The environment variables that make dbt build there.

        Raises:
            PlainError: why it is not possible. The last good warehouse is unchanged.
        """

    @abstractmethod
    def failed_build(self) -> str:
        """Where the user can look at a failed build; "" if nowhere."""

    @property
    def journal_name(self) -> str:
        """What the journal of failed builds calls it. It is the same from whatever folder a build starts."""
        return self.target

    @abstractmethod
    def reader(self, *, new: bool) -> AbstractContextManager[Reader]:
        """Open the new warehouse, which dbt has built, or the last one. An error becomes a PlainError.

        Raises:
            NotAvailable: there is none.
        """

    def contents(self, *, new: bool) -> Contents:
        """What is in the new warehouse, which dbt has built, or in the last one."""
        with self.reader(new=new) as reader:
            return read_contents(reader.tables, lambda sql: reader.query(sql).rows(), reader.suffix)

    def read_log(self) -> BuildLog:
        """The builds that the last warehouse has; none if an earlier version of the project built it."""
        with self.reader(new=False) as reader:
            names = reader.tables(SCHEMA)
            builds, tables = (
                reader.query(f"select * from {SCHEMA}.{table.name}") if table.name in names else None
                for table in ops_tables()
            )
            return BuildLog.read(builds, tables)

    @abstractmethod
    def commit(self) -> None:
        """Replace the last warehouse with the new one."""

    @abstractmethod
    def reading(self) -> dict[str, str]:
        """The environment variables that make dbt read the last warehouse.

        Raises:
            NotAvailable: there is none.
        """

    @abstractmethod
    def export(self, folder: Path) -> None:
        """Write the tables of EXPORTED as Parquet, `schema/table/*.parquet`, into a new folder."""


def duckdb_frame(connection: duckdb.DuckDBPyConnection, sql: str) -> pl.DataFrame:
    """The answer to a query of DuckDB. Its own way to a data frame warns of leaks when the program ends."""
    result = connection.execute(sql)
    names = [name for name, *_ in result.description or []]
    return pl.DataFrame(result.fetchall(), names, orient="row", infer_schema_length=None)


def is_of_other_results(current: int, known: int, same: int) -> bool:
    """Whether a history belongs to another championship, or to a source that gave its results new ids.

    All results would then look revised. The new results are others if they have none of the current ids, or
    if most of the ids that they have mean other results.

    Args:
        current: how many results are current in the history.
        known: how many of their ids are in the new results.
        same: for how many of these the race and the driver are the same.

    Raises:
        PlainError: they are of the same championship, and lack most of its results. dbt would find that only
            in the middle of the build: macros/cross_db/keep_history.sql.
    """
    if known == 0 < current or 2 * same < known:
        return True
    if 2 * same < current:
        raise PlainError(
            f"this would end {current - same:,} of {current:,} results in the history of revised results for "
            "good, because they are not in these data. Build other data in another folder, which "
            "PITWALL_DATA names. The last good warehouse is unchanged"
        )
    return False


def report_kept_history(kept: object) -> None:
    """Print where the history of another championship is kept."""
    print(f"The last results were of another championship; {kept} keeps their history.")


def check_clock(latest: datetime | None, now: datetime, warehouse: object, whose: str) -> None:
    """Raise PlainError if a history has a time in the future: a revision found now would end before it began.

    Args:
        latest: the latest time of the history, in UTC without a time zone; None if the history is empty.
        now: the time now, with a time zone.
        warehouse: the warehouse that has the history.
        whose: whose clock `now` is.
    """
    if latest and latest.replace(tzinfo=UTC) > now:
        raise PlainError(
            f"{warehouse}: was built at {latest:%Y-%m-%d %H:%M:%S} UTC, which is in the future "
            f"by the clock of {whose}; set the clock, then start again"
        )
