"""Ask the warehouse: a query by name, with values, gives a frame and the SQL that made it.

The SQL is in queries/<page>/<name>.sql. It uses only what means the same on DuckDB and PostgreSQL, and
names each table with its schema, so that it runs as it is shown in any client.
"""

import math
import os
import re
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import streamlit as st

QUERIES = Path(__file__).with_name("queries")
# A value in a query file, as in `season = :season`.
PLACEHOLDER = re.compile(r"(?<![:\w]):([a-z_]+)\b")
# How often a page reads again if builds replace the warehouse while it reads.
ATTEMPTS = 3
# PostgreSQL's types, by the number by which its driver names them.
POSTGRES_TYPES: dict[int, Any] = {
    16: pl.Boolean,
    20: pl.Int64,
    21: pl.Int64,
    23: pl.Int64,
    25: pl.String,
    701: pl.Float64,
    1043: pl.String,
    1082: pl.Date,
    1114: pl.Datetime("us"),
    1700: pl.Float64,
}
# DuckDB keeps one instance per path and process. Two connections at once would share it, and after a build
# the second would read the last warehouse, not the new one.
ONE_CONNECTION = threading.Lock()


class Unavailable(Exception):
    """The warehouse cannot answer: one line that says what is wrong and what to do. app.py shows it."""


class Answer(NamedTuple):
    """The rows of a query, and its SQL as it ran."""

    frame: pl.DataFrame
    sql: str


def query(name: str, /, **values: int | float | str | bool | None) -> Answer:
    """Run the query of a file, or the text of one.

    Args:
        name: `page/name` of a file in queries/, or SQL.
        values: what stands for each `:name` in the SQL.

    Raises:
        Unavailable: the warehouse is missing, in use or too old.
    """
    sql = runnable(name, **values)
    return Answer(cached(sql, engine(), warehouse_version()), sql)


def runnable(name: str, /, **values: int | float | str | bool | None) -> str:
    """The SQL of a query with its values in it."""
    is_file = re.fullmatch(r"\w+/\w+", name)
    sql = (QUERIES / f"{name}.sql").read_text(encoding="utf-8") if is_file else name
    wanted = set(PLACEHOLDER.findall(sql))
    if wanted != values.keys():
        raise TypeError(f"{name.splitlines()[0]} takes {sorted(wanted)}, not {sorted(values)}")
    return PLACEHOLDER.sub(lambda match: literal(values[match[1]]), sql).strip()


def literal(value: int | float | str | bool | None) -> str:
    """A value as SQL on every engine."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    if isinstance(value, str) and "\0" not in value:
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"{value!r} is no value for a query")


def engine() -> str:
    """The engine whose warehouse is shown: duckdb or postgres."""
    return os.environ.get("PITWALL_ENGINE") or "duckdb"


def warehouse_path() -> Path:
    """The file of the DuckDB warehouse."""
    return Path(os.environ.get("PITWALL_DATA") or "data") / "warehouse.duckdb"


def warehouse_version() -> tuple[int, ...]:
    """What differs as soon as a build has replaced the warehouse. Answers are kept until then."""
    if engine() == "postgres":
        # A build makes new schemas and renames them into place.
        found = postgres_frame(
            "select cast(oid as bigint) as version from pg_namespace where nspname = 'marts'"
        )
        if found.is_empty():
            raise Unavailable("The database has no warehouse yet. Run `make build ENGINE=postgres`.")
        return (found.item(),)
    try:
        status = warehouse_path().stat()
    except OSError:
        raise Unavailable(f"{warehouse_path()}: there is no warehouse yet. Run `make build`.") from None
    return (status.st_ino, status.st_mtime_ns, status.st_size)


@st.cache_data(max_entries=500, show_spinner=False)  # type: ignore[untyped-decorator]
def cached(sql: str, engine_name: str, version: tuple[int, ...]) -> pl.DataFrame:
    """The rows of a query on one version of the warehouse."""
    read: Callable[[str], pl.DataFrame] = postgres_frame if engine_name == "postgres" else duckdb_frame
    frame = read(sql)
    return frame.with_columns(pl.col(pl.Decimal).cast(pl.Float64), pl.col(pl.Int8, pl.Int16).cast(pl.Int64))


def duckdb_frame(sql: str) -> pl.DataFrame:
    """The rows of a query on the file, which is open only as long as the query runs."""
    import duckdb

    path = warehouse_path()
    with ONE_CONNECTION:
        for _ in range(ATTEMPTS):
            version = warehouse_version()
            try:
                with duckdb.connect(path, read_only=True) as connection:
                    frame = pl.DataFrame(connection.sql(sql))
            except duckdb.Error as error:
                raise unavailable(path, error) from error
            if warehouse_version() == version:
                break
        return frame


def unavailable(path: Path, error: Exception) -> Unavailable:
    """What DuckDB's error means for a reader."""
    text = str(error)
    first = text.partition("\n")[0]
    if text.startswith(("Catalog Error", "Binder Error")):
        return Unavailable(f"{path}: this warehouse is older than the page. Run `make build`. ({first})")
    if "lock" in text.lower():
        return Unavailable(f"{path}: another program is writing to it. Reload the page when it has ended.")
    return Unavailable(f"{path}: it cannot be read. Run `make build`. ({first})")


def postgres_frame(sql: str) -> pl.DataFrame:
    """The rows of a query on the database that PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE name."""
    try:
        import psycopg2
    except ImportError:
        raise Unavailable("psycopg2 is not installed. Start with `make dashboard ENGINE=postgres`.") from None
    # The defaults of profiles.yml.
    settings = {
        key: os.environ.get(name) or default
        for key, name, default in (
            ("host", "PGHOST", "localhost"),
            ("port", "PGPORT", "5432"),
            ("user", "PGUSER", "pitwall"),
            ("dbname", "PGDATABASE", "pitwall"),
            ("connect_timeout", "PGCONNECT_TIMEOUT", "10"),
        )
    }
    try:
        connection = psycopg2.connect(**settings)
        try:
            connection.set_session(readonly=True, autocommit=True)
            with connection.cursor() as cursor:
                cursor.execute(sql)
                schema = {each.name: POSTGRES_TYPES[each.type_code] for each in cursor.description}
                # Its numbers are Decimal objects.
                rows = [
                    [float(cell) if isinstance(cell, Decimal) else cell for cell in row] for row in cursor
                ]
                return pl.DataFrame(rows, schema=schema, orient="row")
        finally:
            connection.close()
    except (psycopg2.errors.UndefinedTable, psycopg2.errors.UndefinedColumn) as error:
        reason = str(error).partition("\n")[0]
        raise Unavailable(
            f"The warehouse is older than the page. Run `make build ENGINE=postgres`. ({reason})"
        ) from error
    except psycopg2.Error as error:
        reason = str(error).strip().partition("\n")[0]
        raise Unavailable(f"The PostgreSQL database cannot be read: {reason}") from error
