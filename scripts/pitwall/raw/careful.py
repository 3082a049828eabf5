"""Convert a CSV in which something is unusual: count it with Python's csv module, and quarantine unfit rows.

Polars reads the same file. Both must find the same records and characters, or the file is refused.
"""

import csv
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import polars as pl
import polars.selectors as cs

from pitwall.command import PlainError
from pitwall.raw.account import BOM, LONGEST_LINE, not_utf8
from pitwall.raw.keys import LINE, repeated_rows
from pitwall.raw.schema import Table
from pitwall.raw.values import NULLS, REPEATED, TOO_LONG, first_problem, has_outer_spaces, total, typed_value

csv.field_size_limit(LONGEST_LINE)  # characters of a value; a limit for a quote that is never closed
AMBIGUOUS = "can be read in more than one way; look for stray quotes and odd line ends"
# A higher level is slower and hardly smaller; readers skip row groups by the first and last race in them.
COMPRESSION_LEVEL, ROW_GROUP_SIZE = 1, 250_000


class Outcome(NamedTuple):
    """What became of the rows of a CSV."""

    rows: int  # without blank lines
    quarantined: int
    short: int  # rows with fewer fields than the header
    notes: list[str]  # what differs from the usual format and is accepted


@dataclass
class Survey:
    """What the csv module finds in a file. A record has several lines if a quoted value has line breaks."""

    header: list[str] = field(default_factory=list)
    records: int = 0  # with blank lines
    blank: int = 0
    characters: int = 0  # of the values of all records that are not too long
    # Ordinals of the records with more fields than the header.
    too_long: "array[int]" = field(default_factory=lambda: array("L"))
    short: int = 0  # records with fewer fields than the header
    notes: list[str] = field(default_factory=list)  # what is accepted


def survey(path: Path) -> Survey:
    """Read a file with Python's csv module. Raises PlainError with the line from which it is not CSV."""
    found = Survey()
    last = 0
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        try:
            found.header = next((row for row in reader if row), [])
            last = first = reader.line_num
            width = len(found.header)
            for row in reader:
                fields = len(row)
                if fields > width:
                    found.too_long.append(found.records)
                else:
                    found.characters += len("".join(row))
                    if fields < width:
                        blank = is_blank_row(row)
                        found.blank += blank
                        found.short += not blank
                found.records += 1
                last = reader.line_num
        except UnicodeDecodeError:
            raise not_utf8(path) from None
        except csv.Error as error:
            reason = str(error)
            if "unexpected end" in reason:
                reason = "a quoted value that opens here is never closed"
            elif "field larger" in reason:
                reason = (
                    f"a value has more than {LONGEST_LINE:,} characters; look for a quote that is not closed"
                )
            raise PlainError(f"{path.name}: not CSV from line {last + 1} on: {reason}") from None
    if not found.header:
        raise PlainError(f"{path.name}: the file is empty")
    with path.open("rb") as file:
        start = file.read(LONGEST_LINE)
    line_breaks = last - first - found.records
    notes = {
        "byte order mark skipped": start.startswith(BOM),
        "CRLF line ends": b"\r\n" in start,
        f"{counted(found.blank, 'blank line')} skipped": found.blank,
        f"{counted(found.short, 'short row')} filled with NULL": found.short,
        f"{counted(line_breaks, 'line break')} inside quoted values kept": line_breaks,
    }
    found.notes = [note for note, count in notes.items() if count]
    return found


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 row" or "1,149 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def is_blank_row(row: list[str]) -> bool:
    """Whether a record is an empty line, or a line of spaces."""
    return not row or (len(row) == 1 and not row[0].strip())


def convert_carefully(table: Table, path: Path, source: str, parquet: Path, quarantine: Path) -> Outcome:
    """Convert any CSV to a Parquet file, and write its unfit rows to a quarantine file.

    Args:
        source: the name of the CSV, for messages and the quarantine.

    Raises:
        PlainError: the file is not CSV, or can be read in more than one way.
    """
    found = survey(path)
    positions = table.positions(found.header, found.notes, source)
    lines = pl.scan_csv(path, glob=False, infer_schema=False, truncate_ragged_lines=True, row_index_name=LINE)
    names = lines.collect_schema().names()[1:]
    if len(names) != len(found.header):
        raise PlainError(f"{source}: {AMBIGUOUS}")
    texts = {name: pl.col(names[position]) for name, position in positions.items()}
    values = {
        column.name: typed_value(column, texts.get(column.name, pl.lit(None, pl.String))).alias(column.name)
        for column in table.columns
    }
    is_too_long = pl.col(LINE).is_in(pl.Series(found.too_long, dtype=pl.UInt32).implode())
    trimmed = check_same_as_survey(found, lines, table, texts, is_too_long, source)
    if trimmed:
        found.notes.append(f"{counted(trimmed, 'value')} trimmed of spaces")

    problem = first_problem(table, texts, values, is_too_long).alias("problem")
    bad = lines.select(LINE, problem).filter(pl.col("problem").is_not_null()).collect(engine="streaming")
    good = lines.filter(~pl.col(LINE).is_in(bad[LINE].implode())) if bad.height else lines
    write_parquet(good.select(values.values()), parquet)
    repeated = repeated_rows(parquet, table.key, good.select(LINE, *(values[name] for name in table.key)))
    if repeated.height:
        good = good.filter(~pl.col(LINE).is_in(repeated[LINE].implode()))
        write_parquet(good.select(values.values()), parquet)
        bad = pl.concat([bad, repeated.select(LINE, pl.lit(REPEATED, pl.Int16).alias("problem"))])

    def describe(problem: int, row: list[str]) -> tuple[str, str, str]:
        if problem == TOO_LONG:
            return "", "", f"{len(row)} fields where the header has {len(found.header)}"
        if problem == REPEATED:
            value = ", ".join(row[positions[name]] for name in table.key)
            return ", ".join(table.key), value, "repeats the key of an earlier row"
        column = table.columns[problem]
        value = row[positions[column.name]] if positions[column.name] < len(row) else ""
        reason = "the key is NULL" if value.strip() in NULLS else f"not a valid {column.declared}"
        return column.name, value, reason

    unfit = bad.sort(LINE).iter_rows()
    quarantined = write_quarantine(path, source, quarantine, unfit, describe) if bad.height else 0
    converted = pl.scan_parquet(parquet, glob=False).select(pl.len()).collect().item()
    rows = found.records - found.blank
    if rows != converted + quarantined:
        raise PlainError(
            f"{source}: {counted(rows, 'row')} read, "
            f"but {converted:,} converted and {quarantined:,} set aside"
        )
    return Outcome(rows, quarantined, found.short, found.notes)


def check_same_as_survey(
    found: Survey,
    lines: pl.LazyFrame,
    table: Table,
    texts: dict[str, pl.Expr],
    is_too_long: pl.Expr,
    source: str,
) -> int:
    """Raise PlainError unless Polars reads as many records and characters as the csv module.

    Returns:
        How many values that are not text have spaces around them.
    """
    characters = pl.sum_horizontal(cs.string().str.len_chars().cast(pl.Int64)).filter(~is_too_long).sum()
    not_text = [texts[column.name] for column in table.columns if column.name in texts and not column.is_text]
    spaced = total([has_outer_spaces(text).sum() for text in not_text])
    totals = lines.select(pl.len(), characters.alias("characters"), spaced.alias("spaced"))
    records, seen, trimmed = totals.collect(engine="streaming").row(0)
    if (records, seen) != (found.records, found.characters):
        raise PlainError(f"{source}: {AMBIGUOUS}")
    return int(trimmed)


def write_parquet(rows: pl.LazyFrame, path: Path) -> None:
    """Write rows as Parquet, streaming."""
    rows.sink_parquet(
        path, compression="zstd", compression_level=COMPRESSION_LEVEL, row_group_size=ROW_GROUP_SIZE
    )


def write_quarantine(
    path: Path,
    source: str,
    quarantine: Path,
    unfit: Iterator[tuple[int, int]],
    describe: Callable[[int, list[str]], tuple[str, str, str]],
) -> int:
    """Write unfit records to a quarantine CSV. Blank lines are no loss and are left out.

    Args:
        source: the name of the CSV as its user knows it.
        unfit: the ordinal (from 0, rising) and the problem of each unfit record.
        describe: turns a problem and its record into column, value and reason.

    Returns:
        The number of records written. If there are none, there is no quarantine file.
    """
    raw: list[str] = []

    def remembered(lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            raw.append(line)
            yield line

    wanted, problem = next(unfit, (-1, 0))
    written = 0
    with (
        path.open(encoding="utf-8-sig", newline="") as lines,
        quarantine.open("w", encoding="utf-8", newline="") as out,
    ):
        # All values are quoted, because before Python 3.13 a lone carriage return alone causes no quotes.
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(["file", "line", "column", "value", "reason", "row"])
        reader = csv.reader(remembered(lines), strict=True)
        next(row for row in reader if row)
        raw.clear()
        last = reader.line_num
        for ordinal, row in enumerate(reader):
            if ordinal == wanted:
                if not is_blank_row(row):
                    writer.writerow([source, last + 1, *describe(problem, row), "".join(raw).rstrip("\r\n")])
                    written += 1
                wanted, problem = next(unfit, (-1, 0))
                if wanted < 0:
                    break
            raw.clear()
            last = reader.line_num
    if not written:
        quarantine.unlink()
    return written
