"""Convert a usual CSV fast, with Polars alone, and count what the Parquet file then has."""

import csv
from pathlib import Path

import polars as pl

from pitwall.command import PlainError
from pitwall.raw.account import LONGEST_LINE
from pitwall.raw.careful import write_parquet
from pitwall.raw.schema import Table
from pitwall.raw.values import (
    POLARS_ERRORS,
    count_characters,
    first_problem,
    has_outer_spaces,
    is_blank,
    total,
    typed_value,
)


def convert_plain(
    table: Table, path: Path, parquet: Path, null: str | None = None
) -> tuple[int, int, list[str]]:
    """Convert a CSV with Polars alone.

    Returns:
        How many rows and characters there are by the Parquet file, and what differs from the usual format.
        -1 rows and characters if a value is not valid, or anything else is unusual.
    """
    notes: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            start = text.read(LONGEST_LINE)
        first_line, line_end, _ = start.partition("\n")
        if "\0" in start or (not line_end and len(start) == LONGEST_LINE):
            return -1, -1, []  # no CSV, so Polars must not read all of what may be a huge file
        header = next(csv.reader([first_line], strict=True), [])
        positions = table.positions(header, notes, path.name)
        rows, characters = _convert_plain(table, path, parquet, len(header), positions, null)
    except (PlainError, *POLARS_ERRORS, csv.Error, UnicodeDecodeError):
        return -1, -1, []
    return rows, characters, notes


def _convert_plain(
    table: Table, path: Path, parquet: Path, width: int, positions: dict[str, int], null: str | None
) -> tuple[int, int]:
    given = [column for column in table.columns if column.name in positions]
    # Polars parses integers and keeps strings. A date or a decimal is read as a string, then made exact.
    direct = [column for column in given if column.is_integer or column.is_text]
    integers = {positions[column.name]: column.dtype for column in given if column.is_integer}
    lines = pl.scan_csv(
        path,
        glob=False,
        has_header=False,
        skip_lines=1,
        schema={str(position): integers.get(position, pl.String()) for position in range(width)},
        null_values=null,
    )
    fields = {column.name: pl.col(str(positions[column.name])) for column in given}
    values = {}
    for column in table.columns:
        field = fields.get(column.name, pl.lit(None, pl.String))
        value = field if column in direct else typed_value(column, field)
        values[column.name] = value.alias(column.name)
    write_parquet(lines.select(values.values()), parquet)

    # First count: what the Parquet file has.
    characters = total([count_characters(pl.col(column.name), column.dtype) for column in direct])
    unfit = [pl.col(name).is_null() for name in table.key]
    for column in direct:
        if column.is_text:  # a key must not be blank, and an empty text between quotes should be NULL
            text = pl.col(column.name)
            unfit.append(is_blank(text) if column.name in table.key else text.eq(""))
    counts = [pl.len(), characters.alias("characters"), total([each.sum() for each in unfit]).alias("unfit")]
    rows, seen, problems = (
        pl.scan_parquet(parquet, glob=False).select(counts).collect(engine="streaming").row(0)
    )

    # Then what the Parquet file does not show: how dates and decimals were written, and columns left out.
    shown = {positions[column.name] for column in direct}
    if others := [pl.col(str(position)) for position in range(width) if position not in shown]:
        texts = {column.name: fields[column.name] for column in given if column not in direct}
        characters = total([count_characters(text, pl.String()) for text in others])
        invalid = first_problem(table, texts, values, pl.lit(False)).count()
        spaced = total([has_outer_spaces(text).sum() for text in texts.values()])
        counts = [characters.alias("characters"), invalid.alias("invalid"), spaced.alias("spaced")]
        more, *odd = lines.select(counts).collect(engine="streaming").row(0)
        seen, problems = seen + more, problems + sum(odd)
    return (-1, -1) if problems else (rows, seen)
