"""Two warehouses, or a warehouse and a folder of Parquet: which tables differ, and in how many rows."""

from pathlib import Path

import duckdb


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def differing(connection: duckdb.DuckDBPyConnection, ours: str, theirs: str, columns: dict[str, str]) -> int:
    """The number of rows that only one of two relations has, after a cast to `columns`: name and type."""
    casts = ", ".join(f'cast("{name}" as {dtype}) as "{name}"' for name, dtype in columns.items())
    query = "select count(*) from (select {casts} from {one} except all select {casts} from {other})"
    return sum(
        connection.execute(query.format(casts=casts, one=one, other=other)).fetchone()[0]
        for one, other in ((ours, theirs), (theirs, ours))
    )


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return {row[0]: row[1] for row in connection.execute(f"describe select * from {relation}").fetchall()}


def differing_parquet(warehouse: Path, folder: Path, tables: list[str]) -> dict[str, int]:
    """For each table of schema marts: rows that differ from `folder`/<table>.parquet, cell by cell."""
    found = {}
    with duckdb.connect(warehouse, read_only=True) as connection:
        for table in tables:
            ours = f'marts."{table}"'
            theirs = f"read_parquet({quoted(folder / f'{table}.parquet')})"
            found[table] = differing(connection, ours, theirs, columns_of(connection, ours))
    return found


def differing_warehouses(one: Path, other: Path) -> dict[str, int]:
    """For each table of two warehouses: rows that only one of them has, or -1 where one lacks the table."""
    found: dict[str, int] = {}
    with duckdb.connect() as connection:
        tables: dict[str, dict[tuple[str, str], int]] = {}
        for name, path in (("one", one), ("other", other)):
            connection.execute(f"attach {quoted(path)} as {name} (read_only)")
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
            ours, theirs = (f'{name}."{table[0]}"."{table[1]}"' for name in ("one", "other"))
            found[label] = differing(connection, ours, theirs, columns_of(connection, ours))
    return found
