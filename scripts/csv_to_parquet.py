#!/usr/bin/env python3
"""The front door: raw race CSVs in, typed and checked Parquet out, nothing lost and nothing half done.

The tables are what the dbt sources YAML declares. Polars converts and streams, so memory does not grow with
the files; `raw_csv` keeps an independent account, and the two must agree to the last character. A plain file
is converted in one go and counted by its bytes; where anything is odd, the csv module goes over it by row.
"""

import argparse
import csv
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
from tqdm import tqdm

from pitwall.command import PlainError, exit_code, printable
from pitwall.data_folder import data_folder, locked, recover, swap
from pitwall.raw.account import account, checksum, counted, set_aside, survey
from pitwall.raw.checksums import write_checksums
from pitwall.raw.fetch import is_url, locate
from pitwall.raw.lake import lake_from_environment
from pitwall.raw.manifest import MANIFEST, is_whole, read_manifest, sha256
from pitwall.raw.schema import MANIFEST_SOURCES, SOURCES, Column, Table, read_tables

NULLS = ["", "\\N"]
LINE = "__line"  # ordinal of a record in its file, from 0
TOO_LONG, REPEATED = -1, -2  # problems of a whole row; others are the place of a column
TWO_WAYS = "can be read in more than one way; look for stray quotes and odd line ends"
NOT_PLAIN = (0, -1, [])
KEYS_AT_ONCE = 2_000_000  # keys compared in one go, which bounds memory
# A higher level is slower and hardly smaller; readers skip row groups by the first and last race in them.
ZSTD: dict[str, Any] = {"compression": "zstd", "compression_level": 1, "row_group_size": 250_000}

EXAMPLES = r"""
RAW holds one CSV per table, named races.csv, results.csv and so on:
  a folder           scripts/csv_to_parquet.py ~/f1db_csv
  a zip              scripts/csv_to_parquet.py archive.zip
  an address         scripts/csv_to_parquet.py https://example.org/data.zip

what comes out, in DIR:
  parquet/<table>.parquet         typed, one file per table
  parquet/load_manifest.parquet   rows, bytes, checksums and times of each table
  parquet/checksums.parquet       a checksum of each race in each table, which tells a build what changed
  quarantine/<table>.csv          rows set aside: file, line, column, value, reason, row
  quarantine/refused/             the same for a run that was refused

A row is set aside if a value is not of its column's type, if its key is empty or repeats an earlier one, or
if it has more fields than the header. Short rows, \N, BOM, CRLF, extra and missing columns are tolerated and
told. A run either replaces all of parquet/ or changes nothing. Exit code: 0 done, 2 refused.
With PITWALL_LAKE=s3://bucket/prefix the files are put there too, and become the lake's load in one step.
"""


def typed(column: Column, text: pl.Expr) -> pl.Expr:
    """The value that a text stands for, exactly, or null. Strings are kept as they are."""
    if column.is_text:
        return pl.when(~text.is_in(NULLS)).then(text)
    text = text.str.strip_chars()
    if column.dtype == pl.Date:
        proper = text.str.contains(r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}$")
        return pl.when(proper).then(text.str.to_date("%Y-%m-%d", strict=False))
    if isinstance(column.dtype, pl.Decimal):
        # The cast would cut surplus digits silently; nothing but zeros may be cut.
        scale = column.dtype.scale
        proper = text.str.contains(rf"^[+-]?([0-9]+(\.[0-9]{{0,{scale}}}0*)?|\.[0-9]{{1,{scale}}}0*)$")
        return pl.when(proper).then(text.cast(column.dtype, strict=False))
    return text.cast(column.dtype, strict=False)


def padded(text: pl.Expr) -> pl.Expr:
    """Whether a text, not empty, has spaces around it."""
    return text.ne(stripped := text.str.strip_chars()) & stripped.ne("")


def characters(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The sum of the characters of a text, or of an integer as it is plainly written."""
    if not dtype.is_integer():
        return value.str.len_chars().cast(pl.Int64).sum()
    digits = (
        value.abs().ge(10**power).sum().cast(pl.Int64) for power in range(1, 19 if dtype == pl.Int64 else 10)
    )
    return sum(digits, value.count().cast(pl.Int64) + value.lt(0).sum())


def first_problem(
    table: Table, texts: dict[str, pl.Expr], values: dict[str, pl.Expr], too_long: pl.Expr
) -> pl.Expr:
    """What is first wrong with a record: TOO_LONG, the place of a declared column, or null for nothing."""
    checks = [pl.when(too_long).then(TOO_LONG)]
    for place, column in enumerate(table.columns):
        if column.name in texts:
            empty = texts[column.name].str.strip_chars().is_in(NULLS)
            lost = values[column.name].is_null()
            checks.append(pl.when(lost | empty if column.name in table.key else lost & ~empty).then(place))
    return pl.coalesce(checks).cast(pl.Int16)


def convert(
    table: Table, path: Path, source: str, parquet: Path, quarantine: Path
) -> tuple[str, int, int, int, list[str]]:
    """Convert one CSV to a Parquet file, and write its unfit rows to a quarantine file.

    Returns:
        The file's checksum, rows read, set aside and short, and what was tolerated.

    Raises:
        PlainError: the file is not this table's CSV, or two readers see it differently.
    """
    with ThreadPoolExecutor(1) as aside:
        counting = aside.submit(account, path)
        *written, notes = convert_plain(table, path, parquet)
        found = counting.result()
    if found.plain and found.nulls:  # to look for \N takes time, and most laps have none
        *written, notes = convert_plain(table, path, parquet, null="\\N")
    if found.plain and written == [found.records, found.characters] and all_differ(parquet, table.key):
        return found.sha, found.records, 0, 0, found.notes + notes
    return found.sha, *convert_carefully(table, path, source, parquet, quarantine)


def convert_plain(
    table: Table, path: Path, parquet: Path, null: str | None = None
) -> tuple[int, int, list[str]]:
    """Convert a CSV in one go, if all is well in it.

    Returns:
        The rows of the Parquet file, the characters of its values in a CSV, and what was tolerated; no rows
        and -1 characters if all is not well.
    """
    try:
        return _convert_plain(table, path, parquet, null)
    except (PlainError, pl.exceptions.PolarsError, csv.Error, UnicodeDecodeError):
        return NOT_PLAIN


def _convert_plain(table: Table, path: Path, parquet: Path, null: str | None) -> tuple[int, int, list[str]]:
    notes: list[str] = []
    with path.open(encoding="utf-8-sig", newline="") as text:
        header = next(csv.reader(text), [])
    places = table.places(header, notes, path.name)
    given = [column for column in table.columns if column.name in places]
    integers = {str(places[column.name]): column.dtype for column in given if column.is_integer}
    lines = pl.scan_csv(
        path,
        has_header=False,
        skip_lines=1,
        schema={str(place): integers.get(str(place), pl.String()) for place in range(len(header))},
        null_values=null,
    )
    fields = {column.name: pl.col(str(places[column.name])) for column in given}
    values = {
        column.name: (
            fields[column.name]
            if column in given and (column.is_integer or column.is_text)
            else typed(column, fields.get(column.name, pl.lit(None, pl.String)))
        ).alias(column.name)
        for column in table.columns
    }
    lines.select(values.values()).sink_parquet(parquet, **ZSTD)

    exact = [column for column in given if column.is_integer or column.is_text]
    length = sum((characters(pl.col(column.name), column.dtype) for column in exact), pl.lit(0))
    # A key must not be empty, and a text that is empty between quotes should have become null.
    checks = [pl.col(name).is_null() for name in table.key]
    for name in (column.name for column in exact if column.is_text):
        empty = pl.col(name).str.strip_chars().is_in(NULLS) if name in table.key else pl.col(name).eq("")
        checks.append(empty)
    odd = sum(check.sum() for check in checks)
    totals = pl.scan_parquet(parquet).select(pl.len(), length.alias("characters"), odd.alias("odd"))
    rows, seen, unfit = totals.collect(engine="streaming").row(0)
    # How a date or a decimal was written does not show in the Parquet file, nor what was left out.
    told = {places[column.name] for column in exact}
    if others := [pl.col(str(place)) for place in range(len(header)) if place not in told]:
        texts = {column.name: fields[column.name] for column in given if column not in exact}
        length = sum(characters(text, pl.String()) for text in others)
        problems = first_problem(table, texts, values, pl.lit(False)).count()
        spaced = sum((padded(text).sum() for text in texts.values()), pl.lit(0))
        totals = lines.select(length.alias("characters"), problems.alias("problems"), spaced.alias("spaced"))
        more, *odd = totals.collect(engine="streaming").row(0)
        seen, unfit = seen + more, unfit + sum(odd)
    return NOT_PLAIN if unfit else (rows, seen, notes)


def convert_carefully(
    table: Table, path: Path, source: str, parquet: Path, quarantine: Path
) -> tuple[int, int, int, list[str]]:
    """Convert any CSV, by the account of the csv module. Returns rows read, set aside, short, and notes."""
    found = survey(path)
    places = table.places(found.header, found.notes, source)
    lines = pl.scan_csv(path, infer_schema=False, truncate_ragged_lines=True, row_index_name=LINE)
    names = lines.collect_schema().names()[1:]
    if len(names) != len(found.header):
        raise PlainError(f"{source}: {TWO_WAYS}")
    texts = {name: pl.col(names[place]) for name, place in places.items()}
    values = {
        column.name: typed(column, texts.get(column.name, pl.lit(None, pl.String))).alias(column.name)
        for column in table.columns
    }
    too_long = pl.col(LINE).is_in(pl.Series(found.too_long, dtype=pl.UInt32).implode())
    numbers = [texts[column.name] for column in table.columns if column.name in texts and not column.is_text]

    length = pl.sum_horizontal(cs.string().str.len_chars().cast(pl.Int64)).filter(~too_long).sum()
    spaced = sum((padded(text).sum() for text in numbers), pl.lit(0))
    totals = lines.select(pl.len(), length.alias("characters"), spaced.alias("spaced"))
    records, seen, trimmed = totals.collect(engine="streaming").row(0)
    if (records, seen) != (found.records, found.characters):
        raise PlainError(f"{source}: {TWO_WAYS}")
    if trimmed:
        found.notes.append(f"{counted(trimmed, 'value')} trimmed of spaces")

    problem = first_problem(table, texts, values, too_long).alias("problem")
    unfit = lines.select(LINE, problem).filter(pl.col("problem").is_not_null())
    bad = unfit.collect(engine="streaming")
    good = lines.filter(~pl.col(LINE).is_in(bad[LINE].implode())) if bad.height else lines
    good.select(values.values()).sink_parquet(parquet, **ZSTD)
    later = repeats(parquet, table.key, good.select(LINE, *(values[name] for name in table.key)))
    if later.height:
        good.filter(~pl.col(LINE).is_in(later[LINE].implode())).select(values.values()).sink_parquet(
            parquet, **ZSTD
        )
        bad = pl.concat([bad, later.select(LINE, pl.lit(REPEATED, pl.Int16).alias("problem"))])

    def describe(problem: int, row: list[str]) -> tuple[str, str, str]:
        if problem == TOO_LONG:
            return "", "", f"{len(row)} fields where the header has {len(found.header)}"
        if problem == REPEATED:
            value = ", ".join(row[places[name]] for name in table.key)
            return ", ".join(table.key), value, "repeats the key of an earlier row"
        column = table.columns[problem]
        value = row[places[column.name]] if places[column.name] < len(row) else ""
        reason = "the key is empty" if value.strip() in NULLS else f"not a valid {column.declared}"
        return column.name, value, reason

    aside = set_aside(path, source, quarantine, bad.sort(LINE).iter_rows(), describe) if bad.height else 0
    converted = pl.scan_parquet(parquet).select(pl.len()).collect().item()
    rows = found.records - found.blank
    if rows != converted + aside:
        raise PlainError(
            f"{source}: {counted(rows, 'row')} read, but {converted:,} converted and {aside:,} set aside"
        )
    return rows, aside, found.short, found.notes


def all_differ(parquet: Path, key: list[str]) -> bool:
    """Whether no key occurs twice. False may also mean that it would take too much memory to tell.

    A block at a time; then those rows together whose first column, a race, occurs in several blocks. Equal
    keys have equal hashes.
    """
    *group, last = key
    keys = pl.scan_parquet(parquet).select(key)
    rows = keys.select(pl.len()).collect().item()
    differ = pl.struct(key).hash().n_unique() == pl.len()
    firsts = pl.Series(dtype=keys.collect_schema()[key[0]])
    # Mostly the last column only rises within a group, lap after lap of a driver, and no group comes again.
    same = [pl.col(name).eq(pl.col(name).shift()) for name in group]
    rises = pl.all_horizontal(*same, pl.col(last).gt(pl.col(last).shift())).fill_null(False)
    for start in range(0, rows, KEYS_AT_ONCE):
        block = keys.slice(start, KEYS_AT_ONCE).collect()
        openers = block.filter(~rises) if group else block
        # In one piece of its own: what unique() returns holds on to the room of the whole block.
        firsts = firsts.append(openers[key[0]].unique()).rechunk()
        if 2 * openers.height < block.height:
            again = openers.filter(pl.struct(group).hash().is_duplicated())
            block = block.filter(pl.col(key[0]).is_in(again[key[0]].unique().implode()))
        if len(firsts) > 2 * KEYS_AT_ONCE or not block.select(differ).item():
            return False
    several = keys.filter(pl.col(key[0]).is_in(firsts.filter(firsts.is_duplicated()).implode()))
    block = several.head(KEYS_AT_ONCE).collect(engine="streaming")
    return block.height < KEYS_AT_ONCE and block.select(differ).item()


def repeats(parquet: Path, key: list[str], rows: pl.LazyFrame) -> pl.DataFrame:
    """The rows whose key an earlier row has. A slice of the keys at a time, so that memory stays bounded."""
    if all_differ(parquet, key):
        return rows.head(0).collect()
    keys = pl.scan_parquet(parquet).select(key)
    slices = keys.select(pl.len()).collect().item() // KEYS_AT_ONCE + 1
    found = []
    for part in range(slices):
        group = keys.filter(pl.struct(key).hash() % slices == part).group_by(key).len()
        found.append(group.filter(pl.col("len") > 1).select(key).collect(engine="streaming"))
    twice = pl.concat(found)
    if twice.is_empty():
        return rows.head(0).collect()
    shared = rows.join(twice.lazy(), on=key, how="semi").collect(engine="streaming").sort(LINE)
    return shared.filter(~pl.struct(key).is_first_distinct())


def is_of_writing(error: pl.exceptions.PolarsError) -> bool:
    """Whether Polars failed to write Parquet, which it does not always tell as an error of the system."""
    return str(error).startswith("parquet:")


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def load(
    table: Table, source: str, path: Path, data: Path, old: dict[str, Any] | None
) -> tuple[dict[str, Any], list[str]]:
    """Bring one table into `parquet.new`, converted or, if nothing changed, linked from the last run.

    Returns:
        Its row of the manifest, and what was tolerated.
    """
    started, before = time.monotonic(), path.stat()
    now = datetime.now(UTC).replace(tzinfo=None)
    kept, fresh = (data / folder / f"{table.name}.parquet" for folder in ("parquet", "parquet.new"))
    aside, fresh_aside = (data / folder / f"{table.name}.csv" for folder in ("quarantine", "quarantine.new"))
    if (
        old
        and (old["source_bytes"], old["schema_sha256"]) == (before.st_size, table.sha)
        and is_whole(kept.parent, old)
        and aside.is_file() == bool(old["rows_quarantined"])
        and old["source_sha256"] == checksum(path)
    ):
        try:
            os.link(kept, fresh)
        except OSError:
            shutil.copy2(kept, fresh)
        if aside.is_file():
            shutil.copy2(aside, fresh_aside)
        return old | {"source_name": source, "checked_at": now}, []
    try:
        sha, rows, unfit, short, notes = convert(table, path, source, fresh, fresh_aside)
    except pl.exceptions.PolarsError as error:
        if is_of_writing(error):
            raise
        raise PlainError(
            f"{source}: cannot be read as CSV, look for stray quotes: {first_line(error)}"
        ) from None
    after = path.stat()
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise PlainError(f"{source}: changed while it was read; start again when it is complete")
    row = {
        "table_name": table.name,
        "source_name": source,
        "source_sha256": sha,
        "schema_sha256": table.sha,
        "rows_read": rows,
        "rows_converted": rows - unfit,
        "rows_quarantined": unfit,
        "rows_short": short,
        "source_bytes": after.st_size,
        "parquet_bytes": fresh.stat().st_size,
        "parquet_sha256": sha256(fresh),
        "seconds": Decimal(f"{time.monotonic() - started:.3f}"),
        "converted_at": now,
        "checked_at": now,
    }
    return row, notes


def run(raw: str, data: Path, *, max_bad_rows: int = 0, schema: Path = SOURCES) -> None:
    """Convert all tables and swap them in whole. The caller holds the lock of the data folder.

    Args:
        raw: a folder of CSVs, a zip of them, or the URL of such a zip.
        data: the data folder.
        max_bad_rows: how many rows may be set aside, over all tables.
        schema: the dbt sources file that declares the tables.

    Raises:
        PlainError, OSError: why nothing was changed.
    """
    started = time.monotonic()
    tables = read_tables(schema)
    recover(data)
    try:
        for folder in ("parquet.new", "quarantine.new", ".tmp"):
            (data / folder).mkdir()
        files = locate(raw, {f"{table.name}.csv" for table in tables}, data / ".tmp")
        previous = read_manifest(data / "parquet")
        rows = []
        for table in tqdm(tables, unit="table", leave=False, disable=None):
            row, notes = load(table, *files[f"{table.name}.csv"], data, previous.get(table.name))
            rows.append(row)
            tell(row, notes)
        refuse_if_many(rows, data, max_bad_rows)
        kept = {row["table_name"] for row in rows if row["converted_at"] != row["checked_at"]}
        write_checksums(tables, kept, data / "parquet", data / "parquet.new")
        columns = {column.name: column.dtype for column in read_tables(MANIFEST_SOURCES)[0].columns}
        pl.DataFrame(rows, schema=columns, orient="row").write_parquet(data / "parquet.new" / MANIFEST)
        swap(data)
    except pl.exceptions.PolarsError as error:
        raise PlainError(f"{data}: cannot be written, look for a full disk: {first_line(error)}") from None
    finally:
        recover(data)
    total, aside = (sum(row[name] for row in rows) for name in ("rows_read", "rows_quarantined"))
    told = f"{aside:,} set aside in {data / 'quarantine'}" if aside else "none set aside"
    print(
        f"{len(rows)} tables, {total:,} rows, {told}, {time.monotonic() - started:.1f} s: {data / 'parquet'}"
    )


def tell(row: dict[str, Any], notes: list[str]) -> None:
    """Print what happened to a table, above the progress bar if there is one."""
    done = "unchanged" if row["converted_at"] != row["checked_at"] else f"{row['seconds']:.2f} s"
    size = row["parquet_bytes"] / 1000
    tqdm.write(f"{row['table_name']:<24}{row['rows_converted']:>14,} rows {size:>12,.1f} kB {done:>12}")
    if row["rows_quarantined"]:
        notes = [*notes, f"{counted(row['rows_quarantined'], 'row')} set aside"]
    for note in notes:
        tqdm.write(f"  {row['table_name']}: {printable(note)}")


def refuse_if_many(rows: list[dict[str, Any]], data: Path, max_bad_rows: int) -> None:
    """Stop the run if more rows are set aside than allowed, and leave its report to read."""
    counts = {row["table_name"]: row["rows_quarantined"] for row in rows if row["rows_quarantined"]}
    total = sum(counts.values())
    if total <= max_bad_rows:
        return
    refused = data / "quarantine" / "refused"
    refused.parent.mkdir(exist_ok=True)
    shutil.rmtree(refused, ignore_errors=True)
    (data / "quarantine.new").rename(refused)
    shown = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    raise PlainError(
        f"{counted(total, 'unfit row')} ({shown}), {max_bad_rows:,} allowed; nothing changed. "
        f"Read {refused}/*.csv, then mend the files, or set the rows aside with --max-bad-rows {total} "
        f"(make: MAX_BAD_ROWS={total})"
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 0 done, 2 refused with one line on stderr."""
    parser = argparse.ArgumentParser(
        description="Convert the raw race CSVs to typed, checked Parquet.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "raw", metavar="RAW", help="folder of CSVs, zip of them, or http(s) URL of such a zip"
    )
    parser.add_argument(
        "--data", metavar="DIR", type=Path, help="data folder (default: $PITWALL_DATA or data)"
    )
    parser.add_argument(
        "--max-bad-rows", metavar="N", type=int, default=0, help="how many rows may be set aside (default: 0)"
    )
    parser.add_argument(
        "--schema",
        metavar="YML",
        type=Path,
        default=SOURCES,
        help="dbt sources file that declares the tables",
    )
    options = parser.parse_args(arguments)
    data: Path = options.data or data_folder()

    def action() -> None:
        if not is_url(options.raw) and not Path(options.raw).exists():
            raise PlainError(f"{options.raw}: no such folder or zip")
        target = lake_from_environment()
        if target:
            target.tables()  # a lake that cannot be read is told before the work begins
        with locked(data):
            run(options.raw, data, max_bad_rows=options.max_bad_rows, schema=options.schema)
            if target:
                target.publish(data)

    return exit_code("csv_to_parquet", action, data)


if __name__ == "__main__":
    sys.exit(main())
