"""A table as a Parquet file and as a CSV file in a zip."""

import zipfile
from pathlib import Path

import duckdb

from pitwall.release.tables import Column, Table
from pitwall.warehouse.sql import identifier, literal

# The zip has no time of its own, so that the same rows always make the same file.
OLDEST = (1980, 1, 1, 0, 0, 0)


def write_parquet(connection: duckdb.DuckDBPyConnection, table: Table, folder: Path) -> None:
    """Write a table of the attached warehouse as `<table>.parquet`."""
    file = literal(folder / f"{table.name}.parquet")
    connection.execute(
        f"copy (from {table.source} order by {table.order}) to {file} (format parquet, compression zstd)"
    )


def write_csv(connection: duckdb.DuckDBPyConnection, table: Table, folder: Path) -> None:
    """Write a table of the attached warehouse as `<table>.csv.zip`, which has one file, `<table>.csv`."""
    csv = folder / f"{table.name}.csv"
    columns = ", ".join(map(as_text, table.columns))
    connection.execute(
        f"copy (select {columns} from {table.source} order by {table.order}) to {literal(csv)} "
        "(format csv, header true)"
    )
    member = zipfile.ZipInfo(csv.name, OLDEST)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    with (
        zipfile.ZipFile(folder / f"{csv.name}.zip", "w") as archive,
        csv.open("rb") as rows,
        archive.open(member, "w", force_zip64=True) as target,
    ):
        while part := rows.read(2**20):
            target.write(part)
    csv.unlink()


def as_text(column: Column) -> str:
    """A column as CSV has it. A time is written as ISO 8601 has it, with a T."""
    name = identifier(column.name)
    return f"replace(cast({name} as varchar), ' ', 'T') as {name}" if column.kind == "timestamp" else name
