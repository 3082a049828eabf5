"""The files of the ledger of forecasts: which there are, what they must have, and what is in them."""

import hashlib
from pathlib import Path

import polars as pl

from pitwall.command import ROOT, PlainError
from pitwall.raw.schema import Table, read_tables
from pitwall.raw.values import POLARS_ERRORS

FOLDER = "predictions"  # in the data folder; nothing replaces or deletes a file there
PREDICTION_SOURCES = ROOT / "models/staging/predictions/_predictions__sources.yml"


def ledger_table() -> Table:
    """The ledger, as its sources YAML declares it."""
    [table] = read_tables(PREDICTION_SOURCES)
    return table


def ledger_files(data: Path) -> list[Path]:
    """The files of the ledger in a data folder, sorted by name. Before the first forecast there are none."""
    return sorted((data / FOLDER).glob("*.parquet"))


def read_ledger(data: Path) -> pl.DataFrame:
    """All rows of the ledger, each once. Raises PlainError if a file is damaged, or is none of the ledger."""
    check_ledger(data)
    schema = {column.name: column.dtype for column in ledger_table().columns}
    frames = [pl.read_parquet(path, glob=False) for path in ledger_files(data)]
    return pl.concat([pl.DataFrame(schema=schema), *frames]).unique(maintain_order=True)


def check_ledger(data: Path) -> None:
    """Raise PlainError, with the name of the file, if a file does not have the columns of the ledger."""
    columns = ledger_table().columns
    for path in ledger_files(data):
        try:
            found = pl.scan_parquet(path, glob=False).collect_schema()
        except (OSError, *POLARS_ERRORS):
            raise PlainError(
                f"{path}: damaged; put a good copy in its place, or move it out of {FOLDER}"
            ) from None
        if list(found.items()) != [(column.name, column.dtype) for column in columns]:
            raise PlainError(
                f"{path}: is no file of the ledger, as it has other columns; move it out of {FOLDER}"
            )


def ledger_fingerprint(data: Path) -> str:
    """A text that differs as soon as the files of the ledger do."""
    digest = hashlib.sha256()
    for path in ledger_files(data):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
