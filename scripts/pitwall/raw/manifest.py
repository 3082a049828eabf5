"""The load manifest: what the last conversion recorded of each table, and whether its files still match."""

import hashlib
import os
import shutil
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from pitwall.command import PlainError
from pitwall.data_folder import MANIFEST as MANIFEST
from pitwall.data_folder import regular
from pitwall.raw.account import checksum
from pitwall.raw.schema import MANIFEST_SOURCES, Table, read_tables
from pitwall.raw.values import POLARS_ERRORS

Row = dict[str, Any]  # one table's row of the manifest


def manifest_columns() -> dict[str, pl.DataType]:
    """The columns that the manifest's sources YAML declares."""
    return {column.name: column.dtype for column in read_tables(MANIFEST_SOURCES)[0].columns}


def parse_manifest(file: Path | BytesIO) -> dict[str, Row]:
    """The row of each table, by table name.

    Raises:
        ValueError, OSError, POLARS_ERRORS: it is no manifest with the declared columns, or a value is NULL.
    """
    rows = pl.read_parquet(file, glob=False, schema=manifest_columns())
    if any(rows.null_count().row(0)):
        raise ValueError("a value is NULL")
    return {row["table_name"]: row for row in rows.to_dicts()}


def read_manifest(parquet: Path) -> dict[str, Row]:
    """The row of each table, by table name. Without a manifest, or with a damaged one, there are none.

    The manifest of an older version of Pitwall may have other columns, and counts as damaged.
    """
    try:
        return parse_manifest(regular(parquet / MANIFEST))
    except (OSError, ValueError, *POLARS_ERRORS):
        return {}


def write_manifest(parquet: Path, rows: list[Row]) -> None:
    """Write the manifest, with the declared columns."""
    columns = manifest_columns()
    # As text first, because Polars imports numpy for the decimals of Python, which takes longer than a table.
    texts = {name: pl.String() if dtype.is_decimal() else dtype for name, dtype in columns.items()}
    frame = pl.DataFrame([row | {"seconds": str(row["seconds"])} for row in rows], schema=texts)
    frame.cast(pl.Schema(columns)).write_parquet(parquet / MANIFEST)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_intact(parquet: Path, row: Row) -> bool:
    """Whether a table's Parquet file has exactly the bytes that the manifest recorded."""
    path = parquet / f"{row['table_name']}.parquet"
    return path.is_file() and row["parquet_sha256"] == file_sha256(path)


def link_unchanged(table: Table, path: Path, data: Path, last: Row) -> bool:
    """Link the last Parquet file of a table, and copy its quarantine, into the folders of this run.

    Args:
        path: the CSV.
        last: the table's row of the last manifest.

    Returns:
        Whether that was possible: the CSV, its declaration and the last files are unchanged.
    """
    parquet = data / "parquet" / f"{table.name}.parquet"
    quarantine = data / "quarantine" / f"{table.name}.csv"
    if (
        (last["source_bytes"], last["schema_sha256"]) != (path.stat().st_size, table.sha256)
        or not is_intact(parquet.parent, last)
        or quarantine.is_file() != bool(last["rows_quarantined"])
        or last["source_sha256"] != (file_sha256(path) if path.suffix == ".json" else checksum(path))
    ):
        return False
    try:
        os.link(parquet, data / "parquet.new" / parquet.name)
    except OSError:
        shutil.copy2(parquet, data / "parquet.new" / parquet.name)
    if quarantine.is_file():
        shutil.copy2(quarantine, data / "quarantine.new" / quarantine.name)
    return True


def utc_now() -> datetime:
    """The time in UTC, without a time zone: so the manifest has it."""
    return datetime.now(UTC).replace(tzinfo=None)


def check_intact(parquet: Path) -> None:
    """Raise PlainError, with the name of the file, unless every file of the last conversion is intact."""
    if not parquet.is_dir():
        raise PlainError(f"{parquet}: no data yet; run `make build`, or `make build RAW=path`")
    manifest = read_manifest(parquet)
    if not manifest:
        raise PlainError(
            f"{parquet / MANIFEST}: missing or damaged; "
            "convert the raw files again with `make build RAW=path`"
        )
    for row in manifest.values():
        if not is_intact(parquet, row):
            raise PlainError(
                f"{parquet / row['table_name']}.parquet: missing or damaged, it is not what was converted; "
                "convert the raw files again with `make build RAW=path`"
            )
