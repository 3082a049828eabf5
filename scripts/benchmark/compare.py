"""Compare two warehouses, or a warehouse and Parquet files: in how many rows each table differs."""

from pathlib import Path

import duckdb

from pitwall.warehouse.sql import identifier, literal


def differing(connection: duckdb.DuckDBPyConnection, ours: str, theirs: str, columns: dict[str, str]) -> int:
    """The number of rows that only one of two relations has.

    Args:
        columns: the columns to compare, with the type to which each is cast.
    """
    casts = ", ".join(
        f"cast({identifier(name)} as {dtype}) as {identifier(name)}" for name, dtype in columns.items()
    )
    total = 0
    for one, other in ((ours, theirs), (theirs, ours)):
        query = f"select count(*) from (select {casts} from {one} except all select {casts} from {other})"
        [(count,)] = connection.execute(query).fetchall()
        total += count
    return total


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """The columns of a relation, with their types."""
    return {row[0]: row[1] for row in connection.execute(f"describe select * from {relation}").fetchall()}


def differing_parquet(warehouse: Path, folder: Path, tables: list[str]) -> dict[str, int]:
    """Compare tables of marts with `folder`/<table>.parquet. Returns how many rows differ, by table."""
    found = {}
    with duckdb.connect(warehouse, read_only=True) as connection:
        for table in tables:
            ours = f"marts.{identifier(table)}"
            theirs = f"read_parquet({literal(folder / f'{table}.parquet')})"
            found[table] = differing(connection, ours, theirs, columns_of(connection, ours))
    return found


def differing_warehouses(one: Path, other: Path) -> dict[str, int]:
    """Compare all tables of two warehouses.

    Returns:
        For each table how many rows only one of them has; -1 if only one has the table.
    """
    found: dict[str, int] = {}
    with duckdb.connect() as connection:
        tables: dict[str, dict[tuple[str, str], int]] = {}
        for name, path in (("one", one), ("other", other)):
            connection.execute(f"attach {literal(path)} as {name} (read_only)")
            rows = connection.execute(
                "select schema_name, table_name from duckdb_tables() "
                "where database_name = ? and schema_name in ('marts', 'quality', 'seeds')",
                [name],
            ).fetchall()
            tables[name] = dict.fromkeys(rows, 0)
        for table in sorted(tables["one"] | tables["other"]):
            label = ".".join(table)
            if table not in tables["one"] or table not in tables["other"]:
                found[label] = -1
                continue
            ours, theirs = (f"{name}.{'.'.join(map(identifier, table))}" for name in ("one", "other"))
            found[label] = differing(connection, ours, theirs, columns_of(connection, ours))
    return found
