"""Connect to the PostgreSQL database of PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE, and query it."""

import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import polars as pl

from pitwall.command import PlainError
from pitwall.needs import NotAvailable, connection_hint, connection_settings, database_name

# What to do, by SQLSTATE.
HINTS = {
    "42501": "the user needs the right to create schemas: `grant create on database ... to ...`",
    "53100": "free some space on the disk of the server",
}


def connect() -> Any:
    """Open a connection on which each statement commits by itself.

    libpq reads the password from PGPASSWORD or ~/.pgpass. This code does not see it.

    Raises:
        NotAvailable: the driver is not installed, or the database does not answer, and why.
    """
    for driver in ("adbc_driver_postgresql", "psycopg2"):
        if not importlib.util.find_spec(driver):
            raise NotAvailable(
                f"postgres: {driver} is not installed; `make build ENGINE=postgres` installs it"
            )
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    os.environ.update(connection_settings())  # where libpq looks
    try:
        return dbapi.connect("postgresql://", autocommit=True)
    except Error as error:
        reason = " ".join(str(error).split())
        reason = re.sub(r"^.*?\bfailed: ", "", reason).rstrip(".")
        raise NotAvailable(f"{database_name()}: {reason}. {connection_hint(reason)}") from None


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn an error of the server into a PlainError of one line."""
    from adbc_driver_manager import Error

    try:
        yield
    except (Error, pl.exceptions.PolarsError) as error:  # Polars', if the server fails between two rows
        text = str(error)
        match = re.search(r"(?:ERROR|FATAL|PANIC): +(.*)", text)
        reason = (match[1] if match else " ".join(text.split())).rstrip(".")
        hint = HINTS.get(getattr(error, "sqlstate", None) or "", "")
        raise PlainError(f"{database_name()}: {reason}{hint and f'; {hint}'}") from None


@contextmanager
def transaction(cursor: Any) -> Iterator[None]:
    """Commit all of the statements inside, or none."""
    from adbc_driver_manager import Error

    cursor.execute("begin")
    try:
        yield
    except BaseException:
        with suppress(Error):  # on a broken connection there is nothing to roll back
            cursor.execute("rollback")
        raise
    cursor.execute("commit")


def query_rows(cursor: Any, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query. Its columns need different names."""
    cursor.execute(query)
    return pl.DataFrame(cursor.fetch_arrow()).rows()
