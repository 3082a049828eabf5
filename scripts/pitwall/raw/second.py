"""A second source beside the archive: converted like the first, with its ids, and merged into its tables."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from pitwall.command import PlainError
from pitwall.raw.careful import counted
from pitwall.raw.fetch import without_secrets
from pitwall.raw.jolpica.dump import Notes, files_of_dump
from pitwall.raw.manifest import Row
from pitwall.raw.merge import merge_folders
from pitwall.raw.schema import SOURCES, Table, read_tables

# Converts a CSV into the folder `parquet.new` of a data folder: load_table() of csv_to_parquet.py.
Load = Callable[[Table, str, Path, Path, Row | None], tuple[Row, list[str]]]


def add_source(also: str, rows: list[Row], data: Path, load: Load, note: Notes) -> pl.DataFrame:
    """Merge a dump into the converted tables of the archive, which are in `parquet.new`.

    Args:
        also: the dump: a folder, a zip or an address.
        rows: the rows of the manifest, which are changed.
        load: converts one file.
        note: gets each line about what is odd and accepted.

    Returns:
        Where the sources differ.

    Raises:
        PlainError: it is no dump, or cannot be mapped.
    """
    tables = read_tables(SOURCES)
    folder, parquet = data / ".tmp" / "also", data / "parquet.new"
    for name in ("parquet.new", "quarantine.new", ".tmp"):
        (folder / name).mkdir(parents=True)
    files = files_of_dump(also, folder / ".tmp", parquet, note)
    if files is None:
        raise PlainError(
            f"{without_secrets(also)}: no dump of jolpica-f1, which ALSO needs; name an archive with RAW"
        )
    others = {}
    for table in tables:
        row, notes = load(table, *files[f"{table.name}.csv"], folder, None)
        others[table.name] = row
        if row["rows_quarantined"]:
            notes = [*notes, f"{counted(row['rows_quarantined'], 'row')} set aside"]
        for line in notes:
            note(f"{table.name} of the dump: {line}")
    for path in (folder / "quarantine.new").iterdir():
        path.rename(data / "quarantine.new" / f"jolpica_{path.name}")
    folders = {"archive": parquet, "jolpica": folder / "parquet.new"}
    by_name = {row["table_name"]: row for row in rows}
    disagreements = merge_folders(tables, folders, {"archive": by_name, "jolpica": others})
    note(f"{counted(disagreements.height, 'cell')} in which the sources differ: quality.source_disagreements")
    return disagreements
