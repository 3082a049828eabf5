"""What the last conversion recorded of each table, and whether its files are still what was written."""

import hashlib
from pathlib import Path
from typing import Any

import polars as pl

from pitwall.command import PlainError

MANIFEST = "load_manifest.parquet"


def read_manifest(parquet: Path) -> dict[str, dict[str, Any]]:
    """The record of each table by name; nothing if there is no readable record."""
    try:
        return {row["table_name"]: row for row in pl.read_parquet(parquet / MANIFEST).to_dicts()}
    except (OSError, KeyError, pl.exceptions.PolarsError):
        return {}


def sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_whole(parquet: Path, row: dict[str, Any]) -> bool:
    """Whether a table's Parquet file is, to the byte, the one that its record tells of."""
    path = parquet / f"{row['table_name']}.parquet"
    return path.is_file() and row.get("parquet_sha256") == sha256(path)


def check(parquet: Path) -> None:
    """Raise PlainError, naming the file, unless all of the last conversion is there and whole."""
    if not parquet.is_dir():
        raise PlainError(f"{parquet}: no data yet; `make build` makes it, or `make build RAW=path`")
    manifest = read_manifest(parquet)
    if not manifest:
        raise PlainError(
            f"{parquet / MANIFEST}: missing or damaged; convert the raw files anew with `make build RAW=path`"
        )
    for row in manifest.values():
        if not is_whole(parquet, row):
            raise PlainError(
                f"{parquet / row['table_name']}.parquet: missing or damaged, it is not what was converted; "
                "convert the raw file anew with `make build RAW=path`"
            )
