"""Fill the raw tables of a PostgreSQL database from the Parquet files and the ledger."""

from pathlib import Path
from typing import Any

import polars as pl

from pitwall.raw.predictions import ledger_table, read_ledger
from pitwall.raw.schema import MANIFEST_SOURCES, Column, Table, raw_tables, read_tables
from pitwall.warehouse.postgres_connection import query_rows
from pitwall.warehouse.sql import identifier, literal

TYPES = {"string": "text"}  # declared types that PostgreSQL calls by another name


def converted_tables() -> list[Table]:
    """The tables of schema raw that have a Parquet file each."""
    return raw_tables() + read_tables(MANIFEST_SOURCES)


def declared_tables() -> list[Table]:
    """All tables of schema raw."""
    return [*converted_tables(), ledger_table()]


def column_type(column: Column) -> str:
    """The declared type as PostgreSQL calls it."""
    return TYPES.get(column.declared, column.declared)


def load_raw(cursor: Any, data: Path, schema: str) -> int:
    """Fill the tables of a schema, which is created if it is missing. Call it within a transaction.

    A table that has the declared columns is truncated and filled, so that views on it stay. Any other table
    is dropped, with the views on it, and created again.

    Returns:
        The number of rows.
    """
    cursor.execute(f"create schema if not exists {identifier(schema)}")
    count = 0
    for table in converted_tables():
        path = data / "parquet" / f"{table.name}.parquet"
        columns = {column.name: column.dtype for column in table.columns}
        frame = pl.DataFrame(schema=columns)
        if path.exists() or not table.is_optional:  # an older version of Pitwall converted no optional files
            frame = pl.read_parquet(path, glob=False, columns=list(columns))
        count += fill(cursor, table, frame, schema)
    return count + fill(cursor, ledger_table(), read_ledger(data), schema)


def fill(cursor: Any, table: Table, frame: pl.DataFrame, schema: str) -> int:
    """Fill one table of a schema. Returns the number of rows."""
    relation = f"{identifier(schema)}.{identifier(table.name)}"
    wanted = [(column.name, column_type(column).replace(" ", "")) for column in table.columns]
    found = query_rows(
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
        columns = [f"{identifier(column.name)} {column_type(column)}" for column in table.columns]
        key = ", ".join(map(identifier, table.key))
        cursor.execute(f"create table {relation} ({', '.join(columns)}, primary key ({key}))")
        describe(cursor, table, relation)
    frame = frame.cast({column.name: column.dtype for column in table.columns})
    cursor.adbc_ingest(table.name, frame, mode="append", db_schema_name=schema)
    # Without statistics the planner assumes that every table is small.
    cursor.execute(f"analyze {relation}")
    return frame.height


def describe(cursor: Any, table: Table, relation: str) -> None:
    """Copy the descriptions of the YAML into the database, where its tools show them."""
    cursor.execute(f"comment on table {relation} is {literal(table.description.strip())}")
    for column in table.columns:
        cursor.execute(
            f"comment on column {relation}.{identifier(column.name)} is {literal(column.description)}"
        )
