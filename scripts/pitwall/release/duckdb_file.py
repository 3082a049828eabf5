"""One DuckDB file of the tables that people query, in a format that every client since DuckDB 0.10 reads."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import duckdb

from pitwall.command import PlainError, first_line
from pitwall.release.tables import SCHEMAS, Table, attach, columns_of
from pitwall.warehouse.opening import check_path
from pitwall.warehouse.sql import identifier, literal

STORAGE = "v1.0.0"  # the oldest format; the browser's DuckDB reads it too


def write(warehouse: Path, target: Path, tables: Sequence[Table] = ()) -> None:
    """Write the tables and views of SCHEMAS as tables of a new file, in schemas of the same names.

    The tables have no primary key: its index would make the file three to four times as large. The file is
    written aside and renamed, so that readers of the last one are not disturbed.

    Args:
        warehouse: the warehouse file.
        target: the file to write.
        tables: what is known about the tables. Their descriptions become comments.

    Raises:
        PlainError: there is no warehouse, or a file cannot be read or written.
    """
    check_path(target.absolute())
    new = target.with_name(f"{target.name}.new")
    log = new.with_name(f"{new.name}.wal")
    try:
        with duckdb.connect() as connection:
            attach(connection, warehouse)
            remove(new, log)
            connection.execute(f"attach {literal(new)} as target (storage_version '{STORAGE}')")
            for schema in SCHEMAS:
                connection.execute(f"create schema target.{schema}")
            for schema, table in columns_of(connection):
                copy(connection, schema, table)
            connection.begin()  # each comment alone would be written to the disk
            for described in tables:
                comment(connection, described)
            connection.commit()
            connection.execute("detach target")
        new.replace(target)
    except duckdb.Error as error:
        raise PlainError(f"{target}: cannot be written. DuckDB says: {first_line(error)}") from None
    finally:
        remove(new, log)


def copy(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> None:
    """Copy one table, in the order of its primary key, with its NOT NULL constraints.

    A table whose key has no index is ordered by all of its columns.
    """
    where = "where database_name = 'warehouse' and schema_name = ? and table_name = ?"
    is_key = "constraint_type = 'PRIMARY KEY'"
    keys = connection.execute(
        f"select constraint_column_names from duckdb_constraints() {where} and {is_key}", [schema, table]
    ).fetchall()
    key = list(keys[0][0]) if keys else []
    columns = connection.execute(
        f"select column_name, data_type, is_nullable from duckdb_columns() {where} order by column_index",
        [schema, table],
    ).fetchall()
    definitions = ", ".join(
        f"{identifier(name)} {kind}" + ("" if nullable and name not in key else " not null")
        for name, kind, nullable in columns
    )
    name = f"{schema}.{identifier(table)}"
    connection.execute(f"create table target.{name} ({definitions})")
    order = ", ".join(map(identifier, key)) or "all"
    connection.execute(f"insert into target.{name} from warehouse.{name} order by {order}")


def comment(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Write the descriptions of a table and of its columns as comments."""
    name = f"target.{table.schema}.{identifier(table.name)}"
    connection.execute(f"comment on table {name} is {literal(table.description)}")
    for column in table.columns:
        text = literal(column.description)
        connection.execute(f"comment on column {name}.{identifier(column.name)} is {text}")


def remove(*paths: Path) -> None:
    """Remove what a run that failed left."""
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)
