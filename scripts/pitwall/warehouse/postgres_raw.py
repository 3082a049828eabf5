"""A PostgreSQL database, and the raw tables in it."""

import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from pitwall.command import PlainError
from pitwall.raw.schema import MANIFEST_SOURCES, SOURCES, Column, Table, read_tables
from pitwall.warehouse.base import NotAvailable

# What libpq does not know by itself; profiles.yml has the same.
DEFAULTS = {
    "PGHOST": "localhost",
    "PGPORT": "5432",
    "PGUSER": "pitwall",
    "PGDATABASE": "pitwall",
    "PGCONNECT_TIMEOUT": "10",
}
TYPES = {"string": "text"}
# What to do, by SQLSTATE.
HINTS = {
    "42501": "the user needs the right to create schemas: `grant create on database ... to ...`",
    "53100": "make room where the server keeps its data",
}


def place() -> dict[str, str]:
    """The environment that says which database: what is set, and the defaults. No password."""
    return {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}


def name_of_place() -> str:
    """What a person calls the database."""
    at = place()
    return f"PostgreSQL database {at['PGDATABASE']} at {at['PGHOST']}:{at['PGPORT']}"


def connect() -> Any:
    """Open a connection on which each statement commits by itself.

    The password goes from PGPASSWORD or ~/.pgpass to the server without passing through here.

    Raises:
        NotAvailable: the driver is not installed, or no such database answers, and why.
    """
    for driver in ("adbc_driver_postgresql", "psycopg2"):
        if not importlib.util.find_spec(driver):
            raise NotAvailable(
                f"postgres: {driver} is not installed; `make build ENGINE=postgres` installs it"
            )
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    os.environ.update(place())  # where libpq looks
    try:
        return dbapi.connect("postgresql://", autocommit=True)
    except Error as error:
        reason = " ".join(str(error).split())
        reason = re.sub(r"^.*?\bfailed: ", "", reason).rstrip(".")
        raise NotAvailable(f"{name_of_place()}: {reason}. {connection_hint(reason)}") from None


def connection_hint(reason: str) -> str:
    """What to do about a server that does not let us in."""
    if "password" in reason:
        return "PGUSER and PGPASSWORD say who you are"
    if "does not exist" in reason and "database" in reason:
        return "`createdb` makes it; PGDATABASE names another"
    if "refused" in reason or "timeout" in reason or "translate" in reason or "No such file" in reason:
        return "Start the server, or say with PGHOST and PGPORT where it is"
    return "Is it a PostgreSQL server? PGHOST and PGPORT say where it is"


@contextmanager
def plainly() -> Iterator[None]:
    """Turn what the server says into one plain line."""
    from adbc_driver_manager import Error

    try:
        yield
    except (Error, pl.exceptions.PolarsError) as error:  # the latter where the server fails between two rows
        said = str(error)
        match = re.search(r"(?:ERROR|FATAL|PANIC): +(.*)", said)
        reason = (match[1] if match else " ".join(said.split())).rstrip(".")
        hint = HINTS.get(getattr(error, "sqlstate", None) or "", "")
        raise PlainError(f"{name_of_place()}: {reason}{hint and f'; {hint}'}") from None


@contextmanager
def transaction(cursor: Any) -> Iterator[None]:
    """All of the statements inside, or none."""
    from adbc_driver_manager import Error

    cursor.execute("begin")
    try:
        yield
    except BaseException:
        with suppress(Error):  # of a connection that is broken, there is nothing to roll back
            cursor.execute("rollback")
        raise
    cursor.execute("commit")


def rows(cursor: Any, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query, whose columns need different names."""
    cursor.execute(query)
    return pl.DataFrame(cursor.fetch_arrow()).rows()


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def declared_tables() -> list[Table]:
    """All tables of schema raw."""
    return read_tables(SOURCES) + read_tables(MANIFEST_SOURCES)


def column_type(column: Column) -> str:
    """The declared type as PostgreSQL spells it."""
    return TYPES.get(column.declared, column.declared)


def load(cursor: Any, parquet: Path, schema: str) -> int:
    """Fill the tables of a schema, which is made if missing. To be called within a transaction.

    A table that has the declared columns is emptied and filled, so that views on it stay; another is dropped
    with the views on it, and made anew. Returns the number of rows.
    """
    tables = declared_tables()
    cursor.execute(f"create schema if not exists {quoted(schema)}")
    return sum(fill(cursor, table, parquet / f"{table.name}.parquet", schema) for table in tables)


def fill(cursor: Any, table: Table, parquet: Path, schema: str) -> int:
    """Fill one table of a schema. Returns the number of rows."""
    relation = f"{quoted(schema)}.{quoted(table.name)}"
    wanted = [(column.name, column_type(column).replace(" ", "")) for column in table.columns]
    found = rows(
        cursor,
        "select attname, replace(replace(replace(format_type(atttypid, atttypmod), 'numeric', 'decimal'), "
        "' without time zone', ''), ' ', '') from pg_attribute "
        f"where attrelid = to_regclass({literal(relation)}) and attnum > 0 and not attisdropped "
        "order by attnum",
    )
    if found == wanted:
        cursor.execute(f"truncate {relation}")
    else:
        cursor.execute(f"drop table if exists {relation} cascade")
        columns = [f"{quoted(column.name)} {column_type(column)}" for column in table.columns]
        key = ", ".join(map(quoted, table.key))
        cursor.execute(f"create table {relation} ({', '.join(columns)}, primary key ({key}))")
        describe(cursor, table, relation)
    frame = pl.read_parquet(parquet, columns=[column.name for column in table.columns])
    frame = frame.cast({column.name: column.dtype for column in table.columns})
    cursor.adbc_ingest(table.name, frame, mode="append", db_schema_name=schema)
    # Without statistics the planner takes every table for small.
    cursor.execute(f"analyze {relation}")
    return frame.height


def describe(cursor: Any, table: Table, relation: str) -> None:
    """Put the descriptions of the YAML where database tools show them."""
    cursor.execute(f"comment on table {relation} is {literal(table.description.strip())}")
    for column in table.columns:
        cursor.execute(f"comment on column {relation}.{quoted(column.name)} is {literal(column.description)}")
