#!/usr/bin/env python3
"""Convert raw race CSVs to typed, checked Parquet. No row is lost, and a run that fails changes nothing.

The dbt sources YAML declares the tables. Polars converts each CSV as a stream, so memory does not grow with
the files. A second count comes from the bytes of the file. If both counts agree, every value is valid and the
key is unique, the table is done. Otherwise pitwall/raw/careful.py converts it, and sets unfit rows aside.
"""

import argparse
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

from pitwall.command import Parser, PlainError, exit_code, first_line, printable, whole_number
from pitwall.data_folder import check_kept, data_folder, locked, recover, swap
from pitwall.raw.account import account_of
from pitwall.raw.calendar import write_calendar
from pitwall.raw.careful import Outcome, convert_carefully, counted
from pitwall.raw.checksums import write_checksums
from pitwall.raw.fetch import without_secrets
from pitwall.raw.jolpica.dump import files_of_dump, known_tables
from pitwall.raw.keys import keys_are_unique
from pitwall.raw.lake import lake_from_environment
from pitwall.raw.laps_json import correct_lines, laps_as_csv
from pitwall.raw.locate import check_local, check_raw, locate
from pitwall.raw.manifest import (
    Row,
    file_sha256,
    link_unchanged,
    read_manifest,
    utc_now,
    write_manifest,
)
from pitwall.raw.merge import disagreements_table, write_disagreements
from pitwall.raw.origin import write_origin
from pitwall.raw.plain import convert_plain
from pitwall.raw.schema import SOURCES, Table, raw_tables, read_tables
from pitwall.raw.second import add_source
from pitwall.raw.values import POLARS_ERRORS

# isort: split
# After ours, which say in one line if these packages are not installed.
import polars as pl
from tqdm import tqdm

EXAMPLES = r"""
RAW has one CSV per table, named races.csv, results.csv and so on:
  a folder           .venv/bin/python scripts/csv_to_parquet.py ~/f1db_csv
  a zip              .venv/bin/python scripts/csv_to_parquet.py archive.zip
  an address         .venv/bin/python scripts/csv_to_parquet.py https://example.org/data.zip
The files of safety cars, red flags and fatal accidents may be missing; their tables then have no rows.
It may also be a dump of jolpica-f1 (formula_one_round.csv and so on), which is mapped to the same tables.
Both at once, where the dump fills what the archive lacks:
                     .venv/bin/python scripts/csv_to_parquet.py archive.zip --also dump.zip

what is written, in DIR:
  parquet/<table>.parquet         typed, one file per table
  parquet/load_manifest.parquet   rows, bytes, checksums and times of each table
  parquet/checksums.parquet       a checksum of each race in each table, for incremental builds
  parquet/calendar.json           the races of the last seasons, for a scheduler
  quarantine/<table>.csv          rows set aside: file, line, column, value, reason, row
  quarantine/refused/             the same for a run that was refused

A row is set aside if a value does not have the type of its column, if its key is NULL or repeats an earlier
one, or if it has more fields than the header. Short rows, \N, BOM, CRLF, extra and missing columns are
accepted and reported. A run either replaces all of parquet/ or changes nothing. Exit code: 0 done, 2 refused.
With PITWALL_LAKE=s3://bucket/prefix the files are also put there, and become the lake's load in one step.
"""


def convert(
    table: Table, path: Path, source: str, parquet: Path, quarantine: Path, work: Path
) -> tuple[str, Outcome]:
    """Convert one CSV to a Parquet file, and write its unfit rows to a quarantine file.

    Args:
        work: a folder for attempts. Each has a file of its own, because a write of Polars that failed goes
            on for a while in the background, and would damage the file of the next attempt.

    Returns:
        The SHA-256 of the CSV, and what became of its rows.

    Raises:
        PlainError: the file is not this table's CSV, or can be read in more than one way.
    """
    attempt = work / f"{table.name}.parquet"
    with ThreadPoolExecutor(1) as background:
        counting = background.submit(account_of, path)
        rows, characters, notes = convert_plain(table, path, attempt)
        account = counting.result()
    if account.is_plain and account.nulls:  # looking for \N takes time, and most laps have none
        attempt.unlink(missing_ok=True)
        attempt = work / f"{table.name}.null.parquet"
        rows, characters, notes = convert_plain(table, path, attempt, null="\\N")
    is_same = (rows, characters) == (account.records, account.characters)
    if account.is_plain and is_same and keys_are_unique(attempt, table.key):
        attempt.rename(parquet)
        return account.sha256, Outcome(rows, 0, 0, account.notes + notes)
    attempt.unlink(missing_ok=True)
    return account.sha256, convert_carefully(table, path, source, parquet, quarantine)


def load_table(table: Table, source: str, path: Path, data: Path, last: Row | None) -> tuple[Row, list[str]]:
    """Put one table into `parquet.new`: converted or, if nothing changed, linked from the last run.

    Returns:
        Its row of the manifest, and what differs from the usual format and is accepted.
    """
    started, before = time.monotonic(), path.stat()
    if last and link_unchanged(table, path, data, last):
        return last | {"source_name": source, "checked_at": utc_now()}, []
    parquet = data / "parquet.new" / f"{table.name}.parquet"
    quarantine = data / "quarantine.new" / f"{table.name}.csv"
    converted_at = utc_now()
    try:
        if path.suffix == ".json":
            sha256, outcome = convert_json(table, path, source, parquet, quarantine, data / ".tmp")
        else:
            sha256, outcome = convert(table, path, source, parquet, quarantine, data / ".tmp")
    except (OSError, *POLARS_ERRORS) as error:
        check_unchanged(path, before, source)  # what Polars says of a file that changes is no help
        if isinstance(error, OSError) or str(error).startswith("parquet:"):  # the disk is full
            raise
        if isinstance(error, pl.exceptions.PanicException):
            raise PlainError(
                f"{source}: Polars stopped with an error of its own, start again: {first_line(error)}"
            ) from None
        raise PlainError(
            f"{source}: cannot be read as CSV, look for stray quotes: {first_line(error)}"
        ) from None
    check_unchanged(path, before, source)
    row = {
        "table_name": table.name,
        "source_name": source,
        "source_sha256": sha256,
        "schema_sha256": table.sha256,
        "rows_read": outcome.rows,
        "rows_converted": outcome.rows - outcome.quarantined,
        "rows_quarantined": outcome.quarantined,
        "rows_short": outcome.short,
        "source_bytes": before.st_size,
        "parquet_bytes": parquet.stat().st_size,
        "parquet_sha256": file_sha256(parquet),
        "seconds": Decimal(f"{time.monotonic() - started:.3f}"),
        "converted_at": converted_at,
        "checked_at": converted_at,
    }
    return row, outcome.notes


def convert_json(
    table: Table, path: Path, source: str, parquet: Path, quarantine: Path, work: Path
) -> tuple[str, Outcome]:
    """Convert a JSON file of races and their laps, as convert() does a CSV."""
    as_csv = work / f"{table.name}.json.csv"
    lines = laps_as_csv(path, source, as_csv, [column.name for column in table.columns])
    _, outcome = convert(table, as_csv, source, parquet, quarantine, work)
    if quarantine.exists():
        correct_lines(quarantine, lines)
    return file_sha256(path), outcome


def load_missing(table: Table, data: Path, last: Row | None) -> Row:
    """Put a table without rows into `parquet.new`, because it has no file.

    Returns:
        Its row of the manifest.
    """
    parquet = data / "parquet.new" / f"{table.name}.parquet"
    now = utc_now()
    pl.DataFrame(schema={column.name: column.dtype for column in table.columns}).write_parquet(parquet)
    is_same = last and (last["source_name"], last["schema_sha256"]) == ("", table.sha256)
    return {
        "table_name": table.name,
        "source_name": "",
        "source_sha256": "",
        "schema_sha256": table.sha256,
        "rows_read": 0,
        "rows_converted": 0,
        "rows_quarantined": 0,
        "rows_short": 0,
        "source_bytes": 0,
        "parquet_bytes": parquet.stat().st_size,
        "parquet_sha256": file_sha256(parquet),
        "seconds": Decimal(0),
        "converted_at": last["converted_at"] if last and is_same else now,
        "checked_at": now,
    }


def check_unchanged(path: Path, before: os.stat_result, source: str) -> None:
    """Raise PlainError if a raw file changed since `before`."""
    after = path.stat()
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise PlainError(f"{source}: changed while it was read; start again when it is complete")


def run(
    raw: str,
    data: Path,
    *,
    also: str = "",
    max_bad_rows: int = 0,
    accept_as_before: bool = False,
    schema: Path = SOURCES,
) -> None:
    """Convert all tables, then replace those of the last run. The caller holds the lock of the data folder.

    Args:
        raw: a folder of CSVs, a zip of them, or the URL of such a zip.
        data: the data folder.
        also: a second source, a dump of jolpica-f1: it fills what the first lacks.
        max_bad_rows: how many rows may be set aside, over all tables.
        accept_as_before: allow as many as the last run set aside, if that is more.
        schema: the dbt sources file that declares the tables.

    Raises:
        PlainError, OSError: why nothing was changed.
    """
    started = time.monotonic()
    tables = raw_tables() if schema == SOURCES else read_tables(schema)
    optional = frozenset(table.file.lower() for table in tables if table.is_optional)
    recover(data)
    try:
        for folder in ("parquet.new", "quarantine.new", ".tmp"):
            (data / folder).mkdir()
        wanted = {table.file.lower() for table in tables}
        mapped = None
        if schema == SOURCES:
            mapped = files_of_dump(raw, data / ".tmp", known_tables(data / "parquet"), note)
        if mapped and also:
            raise PlainError(f"{without_secrets(raw)}: is a dump; with ALSO name an archive with RAW")
        files = mapped or locate(raw, wanted - optional, data / ".tmp", optional)
        previous = read_manifest(data / "parquet")
        if accept_as_before:
            max_bad_rows = max(max_bad_rows, sum(row["rows_quarantined"] for row in previous.values()))
        rows = []
        for table in tqdm(tables, unit="table", leave=False, disable=None):
            # A merged table is not the file of this source alone, so it is not linked.
            file, last = files.get(table.file.lower()), None if also else previous.get(table.name)
            row, notes = (
                load_table(table, *file, data, last) if file else (load_missing(table, data, last), [])
            )
            rows.append(row)
            report(row, notes)
        disagreements = add_source(also, rows, data, load_table, note) if also else None
        refuse_if_too_many(rows, data, max_bad_rows)
        kept = {row["table_name"] for row in rows if row["converted_at"] != row["checked_at"]}
        if schema == SOURCES:
            rows.append(write_disagreements(disagreements, data / "parquet.new"))
            tables = [*tables, disagreements_table()]
        write_checksums(tables, kept, data / "parquet", data / "parquet.new")
        write_manifest(data / "parquet.new", rows)
        write_origin(data / "parquet.new", raw, also)
        if schema == SOURCES:  # other tables may have no races
            write_calendar(data / "parquet.new")
        swap(data)
    except POLARS_ERRORS as error:
        raise PlainError(f"{data}: cannot be written, look for a full disk: {first_line(error)}") from None
    finally:
        recover(data)
    of_files = [row for row in rows if row["source_name"]]
    read, quarantined = (sum(row[name] for row in of_files) for name in ("rows_read", "rows_quarantined"))
    aside = f"{quarantined:,} set aside in {data / 'quarantine'}" if quarantined else "none set aside"
    seconds = time.monotonic() - started
    print(printable(f"{len(files)} tables, {read:,} rows, {aside}, {seconds:.1f} s: {data / 'parquet'}"))


def note(line: str) -> None:
    """Print a line about the input, above the progress bar if there is one."""
    tqdm.write(f"  {printable(line)}")


def report(row: Row, notes: list[str]) -> None:
    """Print what happened to a table, above the progress bar if there is one."""
    done = "unchanged" if row["converted_at"] != row["checked_at"] else f"{row['seconds']:.2f} s"
    done = done if row["source_name"] else "no file"
    size = row["parquet_bytes"] / 1000
    tqdm.write(f"{row['table_name']:<29}{row['rows_converted']:>12,} rows {size:>12,.1f} kB {done:>12}")
    if row["rows_quarantined"]:
        notes = [*notes, f"{counted(row['rows_quarantined'], 'row')} set aside"]
    for note in notes:
        tqdm.write(f"  {row['table_name']}: {printable(note)}")


def refuse_if_too_many(rows: list[Row], data: Path, max_bad_rows: int) -> None:
    """Raise PlainError if more rows are set aside than allowed, and keep them for the user to read."""
    counts = {row["table_name"]: row["rows_quarantined"] for row in rows if row["rows_quarantined"]}
    bad_rows = sum(counts.values())
    if bad_rows <= max_bad_rows:
        return
    refused = data / "quarantine" / "refused"
    refused.parent.mkdir(exist_ok=True)
    shutil.rmtree(refused, ignore_errors=True)
    (data / "quarantine.new").rename(refused)
    shown = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    raise PlainError(
        f"{counted(bad_rows, 'unfit row')} ({shown}), {max_bad_rows:,} allowed; nothing changed. "
        f"Read {refused}/*.csv, then correct the files, or set the rows aside with --max-bad-rows {bad_rows} "
        f"(make: MAX_BAD_ROWS={bad_rows})"
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 0 done, 2 refused with one line on stderr."""
    parser = Parser(
        prog="csv_to_parquet",
        description="Convert the raw race CSVs to typed, checked Parquet.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("raw", metavar="RAW", help="folder of CSVs, zip of them, or http(s) URL of such a zip")
    add("--data", metavar="DIR", type=Path, help="data folder (default: $PITWALL_DATA or data)")
    add(
        "--max-bad-rows",
        metavar="N",
        type=whole_number,
        default=0,
        help="rows that may be set aside (default: 0)",
    )
    add("--accept-as-before", action="store_true", help="or as many as the last run set aside, if more")
    add("--also", metavar="DUMP", default="", help="dump of jolpica-f1 that fills what RAW lacks")
    add("--schema", metavar="YML", type=Path, default=SOURCES, help="dbt sources that declare the tables")
    options = parser.parse_args(arguments)
    data: Path = options.data or data_folder()

    def action() -> None:
        check_local(data)
        for raw in (options.raw, *([options.also] if options.also else [])):
            check_raw(raw)
            check_kept(Path(raw), data)
        lake = lake_from_environment()
        if lake:
            lake.tables()  # fails before the conversion if the lake cannot be read
        with locked(data):
            run(
                options.raw,
                data,
                also=options.also,
                max_bad_rows=options.max_bad_rows,
                accept_as_before=options.accept_as_before,
                schema=options.schema,
            )
            if lake:
                lake.publish(data)

    return exit_code("csv_to_parquet", action, data)


if __name__ == "__main__":
    sys.exit(main())
