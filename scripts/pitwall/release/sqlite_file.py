"""One SQLite file of all tables, with primary keys, foreign keys and indexes.

SQLite has few types. A decimal is the nearest double: rounded to the decimals of its column, it is exactly
the value of the warehouse. A boolean is 0 or 1. Dates and times are text as ISO 8601 has it.
"""

import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import duckdb

from pitwall.command import PlainError
from pitwall.release.tables import Column, Table
from pitwall.warehouse.sql import identifier

TYPES = {
    "integer": "integer",
    "bigint": "integer",
    "decimal": "real",
    "boolean": "integer",
    "date": "text",
    "timestamp": "text",
    "string": "text",
}
EXACT_DIGITS = 15  # a double gives back any decimal of so many digits
ROWS = 20_000  # rows in memory at a time


def write_sqlite(connection: duckdb.DuckDBPyConnection, tables: Sequence[Table], file: Path) -> None:
    """Write all tables of the attached warehouse into a new SQLite file.

    Raises:
        PlainError: the file cannot be written, for example because the disk is full.
    """
    try:
        target = sqlite3.connect(file, isolation_level=None)
        try:
            # Nobody reads the file before it is complete, so it needs no journal.
            for statement in ("pragma journal_mode = off", "pragma synchronous = off", "begin"):
                target.execute(statement)
            for table in tables:
                target.execute(create_table(table))
                copy(connection, table, target)
                for name in indexed(table):
                    index = identifier(f"{table.name}__{name}")
                    target.execute(f"create index {index} on {identifier(table.name)} ({identifier(name)})")
            for statement in ("commit", "analyze"):
                target.execute(statement)
        finally:
            target.close()
    except sqlite3.Error as error:
        raise PlainError(f"{file}: cannot be written. SQLite says: {error}") from None


def create_table(table: Table) -> str:
    """The statement that makes a table. SQLite keeps its comments: `.schema` shows the descriptions."""
    lines = []
    for column in table.columns:
        required = " not null" if column.is_required else ""
        comment = f"{column.type}. {one_line(column.description)}"
        lines.append((f"{identifier(column.name)} {TYPES[column.kind]}{required}", comment))
    lines.append((f"primary key ({', '.join(map(identifier, table.key))})", ""))
    for name, (other, field) in table.references.items():
        lines.append(
            (f"foreign key ({identifier(name)}) references {identifier(other)} ({identifier(field)})", "")
        )
    body = "\n".join(
        f"    {definition}{',' if number < len(lines) else ''}{f' -- {comment}' if comment else ''}"
        for number, (definition, comment) in enumerate(lines, 1)
    )
    heading = f"-- {one_line(table.description)}\n"
    # Rows are stored in the order of the primary key, so that it needs no index of its own.
    return f"create table {identifier(table.name)} (\n    {heading}{body}\n) without rowid"


def copy(connection: duckdb.DuckDBPyConnection, table: Table, target: sqlite3.Connection) -> None:
    """Copy the rows of a table."""
    columns = ", ".join(map(as_sqlite, table.columns))
    rows = connection.execute(f"select {columns} from {table.source} order by {table.order}")
    marks = ", ".join("?" * len(table.columns))
    while part := rows.fetchmany(ROWS):
        target.executemany(f"insert into {identifier(table.name)} values ({marks})", part)


def as_sqlite(column: Column) -> str:
    """A column with a type that SQLite has.

    Raises:
        PlainError: a double does not give back all digits of its type.
    """
    name = identifier(column.name)
    if column.kind == "decimal":
        if int(re.findall(r"\d+", column.type)[0]) > EXACT_DIGITS:
            raise PlainError(
                f"{column.name}: {column.type} has more than {EXACT_DIGITS} digits, so SQLite cannot hold it"
            )
        return f"cast({name} as double)"
    if column.kind == "boolean":
        return f"cast({name} as integer)"
    return f"cast({name} as varchar)" if column.kind in ("date", "timestamp") else name


def indexed(table: Table) -> list[str]:
    """The columns with an index: those that refer to another table and do not begin the primary key."""
    return [name for name in table.references if name != table.key[0]]


def one_line(text: str) -> str:
    """A text in one line."""
    return " ".join(text.split())
