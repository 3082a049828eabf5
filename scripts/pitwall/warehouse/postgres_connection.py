"""Connect to the PostgreSQL database of PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE, and query it."""

import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import polars as pl

from pitwall.command import PlainError
from pitwall.warehouse.base import NotAvailable

# Values for which libpq has no default of its own, or another one; profiles.yml has the same.
DEFAULTS = {
    "PGHOST": "localhost",
    "PGPORT": "5432",
    "PGUSER": "pitwall",
    "PGDATABASE": "pitwall",
    "PGCONNECT_TIMEOUT": "10",
}
# What to do, by SQLSTATE.
HINTS = {
    "42501": "the user needs the right to create schemas: `grant create on database ... to ...`",
    "53100": "free some space on the disk of the server",
}


def connection_settings() -> dict[str, str]:
    """The environment variables that name the database, with the defaults of those not set. No password."""
    return {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}


def database_name() -> str:
    """What messages call the database."""
    settings = connection_settings()
    return f"PostgreSQL database {settings['PGDATABASE']} at {settings['PGHOST']}:{settings['PGPORT']}"


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


def connection_hint(reason: str) -> str:
    """What to do about a server that refuses a connection."""
    if "password" in reason:
        return "Set PGUSER and PGPASSWORD"
    if "does not exist" in reason and "database" in reason:
        return "Create it with `createdb`, or name another with PGDATABASE"
    if "refused" in reason or "timeout" in reason or "translate" in reason or "No such file" in reason:
        return "Start the server, or set PGHOST and PGPORT to where it is"
    return "Check that PGHOST and PGPORT name a PostgreSQL server"


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
