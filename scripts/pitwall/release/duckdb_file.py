"""One DuckDB file of the tables that people query, in a format that every client since DuckDB 0.10 reads."""

from contextlib import suppress
from pathlib import Path

import duckdb

from pitwall.command import PlainError, first_line
from pitwall.warehouse.opening import check_path, unreadable
from pitwall.warehouse.sql import identifier, literal

SCHEMAS = ("marts", "quality")
STORAGE = "v1.0.0"  # the oldest format; the browser's DuckDB reads it too


def write(warehouse: Path, target: Path) -> None:
    """Write the tables and views of SCHEMAS as tables of a new file, in schemas of the same names.

    The file is written aside and renamed, so that readers of the last one are not disturbed.

    Raises:
        PlainError: there is no warehouse, or a file cannot be read or written.
    """
    if not warehouse.exists():
        raise PlainError(f"{warehouse}: there is no warehouse yet; run `make build` first")
    check_path(target.absolute())
    new = target.with_name(f"{target.name}.new")
    log = new.with_name(f"{new.name}.wal")
    try:
        # With more threads, the same tables give another file each time.
        with duckdb.connect(config={"threads": 1}) as connection:
            attach(connection, warehouse)
            remove(new, log)
            connection.execute(f"attach {literal(new)} as target (storage_version '{STORAGE}')")
            for schema in SCHEMAS:
                connection.execute(f"create schema target.{schema}")
                for table in tables(connection, schema):
                    name = f"{schema}.{identifier(table)}"
                    order = ", ".join(map(identifier, primary_key(connection, schema, table))) or "all"
                    connection.execute(
                        f"create table target.{name} as from warehouse.{name} order by {order}"
                    )
            connection.execute("detach target")
        new.replace(target)
    except duckdb.Error as error:
        raise PlainError(f"{target}: cannot be written. DuckDB says: {first_line(error)}") from None
    finally:
        remove(new, log)


def attach(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    """Open the warehouse for reading, under the name `warehouse`."""
    try:
        connection.execute(f"attach {literal(warehouse)} as warehouse (read_only)")
    except duckdb.Error as error:
        raise unreadable(warehouse, error) from None


def tables(connection: duckdb.DuckDBPyConnection, schema: str) -> list[str]:
    """The tables and views of a schema of the warehouse, by name."""
    query = (
        "select table_name from information_schema.tables "
        "where table_catalog = 'warehouse' and table_schema = ? order by table_name"
    )
    return [name for (name,) in connection.execute(query, [schema]).fetchall()]


def primary_key(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> list[str]:
    """The columns of the primary key of a table; an empty list if it has none."""
    query = (
        "select constraint_column_names from duckdb_constraints() where database_name = 'warehouse' "
        "and schema_name = ? and table_name = ? and constraint_type = 'PRIMARY KEY'"
    )
    found = connection.execute(query, [schema, table]).fetchall()
    return list(found[0][0]) if found else []


def remove(*paths: Path) -> None:
    """Remove what a run that failed left."""
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)
