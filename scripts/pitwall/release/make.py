"""A release: one folder of files to take away, made from the last warehouse and renamed as a whole."""

import hashlib
import re
import shutil
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from pitwall.command import PlainError, first_line
from pitwall.data_folder import locked, remove
from pitwall.raw.origin import SIMULATED_URL
from pitwall.release import attribution, duckdb_file, notes, package
from pitwall.release.changes import Changes, check_release, find_changes
from pitwall.release.sqlite_file import write_sqlite
from pitwall.release.tables import Table, attach, named, read_tables
from pitwall.release.text_and_parquet import write_csv, write_parquet
from pitwall.warehouse.dbt import target_folder

FOLDER = "releases"
UNFINISHED = ".unfinished"
SUMS = "SHA256SUMS"
OSI = "osi_document.json"  # the semantic models, which dbt writes when it parses the project
VERSION = re.compile(r"(\d{4}-\d\d-\d\d)(?:-([1-9]\d*))?")
VALIDATED_ROWS = 5_000  # frictionless reads the CSVs of tables up to this size; all would take a minute


class Kinds:
    """The kinds of files that were written, with their size and time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: list[tuple[str, int, float, float]] = []

    def write(self, kind: str, pattern: str, action: Callable[[], object]) -> None:
        """Write the files of one kind."""
        start = time.perf_counter()
        action()
        files = list(self.folder.glob(pattern))
        size = sum(file.stat().st_size for file in files) / 1e6
        self.found.append((kind, len(files), size, time.perf_counter() - start))

    def sizes(self) -> list[tuple[str, int, float]]:
        """Kind, number of files, and MB."""
        return [each[:3] for each in self.found]

    def report(self) -> None:
        """Print what was written, and how long it took."""
        for kind, files, size, seconds in self.found:
            print(f"{kind:<8} {files:>3} file{'s' if files > 1 else ' '} {size:>8,.1f} MB {seconds:>6.1f} s")


def release(data: Path, previous: Path | None, *, only_changes: bool = False) -> None:
    """Write a release of the last warehouse, and print what it has.

    Args:
        data: the data folder.
        previous: the release to compare with; None for the newest one in the data folder.
        only_changes: write none if no table changed.

    Raises:
        PlainError: it cannot be written. No folder is left.
    """
    if not (data / "warehouse.duckdb").exists():
        raise PlainError(f"{data / 'warehouse.duckdb'}: there is no warehouse yet; run `make build` first")
    releases = data / FOLDER
    if previous:
        check_release(previous)
    with locked(data):
        versions = versions_in(releases)
        last = previous or (releases / versions[-1] if versions else None)
        version = next_version(versions, datetime.now(UTC).date())
        new = releases / UNFINISHED
        remove(new)
        new.mkdir(parents=True)
        try:
            changes = write(data, new, version, last)
            if only_changes and changes.is_nothing:
                print(f"No table changed since {changes.last}: there is no new release.")
                return
            new.rename(releases / version)
        except duckdb.Error as error:
            raise PlainError(f"{new}: cannot be written. DuckDB says: {first_line(error)}") from None
        except (RuntimeError, ValueError) as error:
            # So DuckDB reports Ctrl-C while it runs a query, and a zip that Ctrl-C leaves open.
            if str(error) != "Query interrupted" and not isinstance(error.__context__, KeyboardInterrupt):
                raise
            raise KeyboardInterrupt from None
        finally:
            remove(new)
    print(f"The release is in {releases / version}. {notes.FILE} says what changed.")


def write(data: Path, folder: Path, version: str, last: Path | None) -> Changes:
    """Write all files of a release into a folder. Returns what changed since the last one."""
    warehouse, target = data / "warehouse.duckdb", target_folder("duckdb", data)
    kinds = Kinds(folder)
    copy_semantic_models(target / OSI, folder)
    with duckdb.connect() as connection:
        attach(connection, warehouse)
        tables = read_tables(connection, target / "manifest.json")
        by_name = named(tables)
        is_simulated, contents = describe(connection)
        rows = {
            name: connection.execute(f"select count(*) from {table.source}").fetchall()[0][0]
            for name, table in by_name.items()
        }
        kinds.write("Parquet", "*.parquet", lambda: each(write_parquet, connection, tables, folder))
        kinds.write("CSV", "*.csv.zip", lambda: each(write_csv, connection, tables, folder))
        kinds.write("SQLite", "*.sqlite", lambda: write_sqlite(connection, tables, folder / "pitwall.sqlite"))
    kinds.write("DuckDB", "*.duckdb", lambda: duckdb_file.write(warehouse, folder / "pitwall.duckdb", tables))
    package.write_package(tables, folder, version, contents)
    small = [name for name, count in rows.items() if count <= VALIDATED_ROWS]
    package.validate(folder, small)
    text = attribution.attribution(is_simulated=is_simulated)
    (folder / attribution.FILE).write_text(text, encoding="utf-8")
    changes = find_changes(tables, folder, last)
    text = notes.render(version, contents, changes, kinds.sizes())
    (folder / notes.FILE).write_text(text, encoding="utf-8")
    write_sums(folder)
    kinds.report()
    print(f"Frictionless found no error in the {len(small)} tables of at most {VALIDATED_ROWS:,} rows.")
    return changes


def each(
    action: Callable[[duckdb.DuckDBPyConnection, Table, Path], None],
    connection: duckdb.DuckDBPyConnection,
    tables: list[Table],
    folder: Path,
) -> None:
    """Write one file for each table."""
    for table in tables:
        action(connection, table, folder)


def describe(connection: duckdb.DuckDBPyConnection) -> tuple[bool, str]:
    """Whether the attached warehouse is of simulated data, and what it has in a few words."""
    [(first, last, simulated)] = connection.execute(
        "select min(race_date), max(race_date), "
        "(select coalesce(bool_and(wikipedia_url like ?), false) from warehouse.marts.dim_seasons) "
        "from warehouse.marts.dim_races where is_held",
        [f"%{SIMULATED_URL}%"],
    ).fetchall()
    if not first:
        return bool(simulated), "no results"
    if simulated:
        return True, f"simulated seasons {first.year} to {last.year}"
    return False, f"results from {first.year} to {last.day} {last:%B %Y}"


def versions_in(releases: Path) -> list[str]:
    """The versions in a folder of releases, oldest first."""
    found = [
        (match[1], int(match[2] or 1), path.name)
        for path in (releases.iterdir() if releases.is_dir() else ())
        if (match := VERSION.fullmatch(path.name)) and (path / "dim_seasons.parquet").is_file()
    ]
    return [name for *_, name in sorted(found)]


def next_version(versions: list[str], day: date) -> str:
    """The date; from the second release of a day on with a number: `2026-03-01`, `2026-03-01-2`."""
    numbers = [
        int(match[2] or 1)
        for version in versions
        if (match := VERSION.fullmatch(version)) and match[1] == f"{day}"
    ]
    return f"{day}-{max(numbers) + 1}" if numbers else f"{day}"


def copy_semantic_models(source: Path, folder: Path) -> None:
    """Copy dbt's document of the semantic models and metrics."""
    try:
        shutil.copyfile(source, folder / OSI)
    except FileNotFoundError:
        raise PlainError(f"{source}: is missing; run `make build`, which writes it") from None


def write_sums(folder: Path) -> None:
    """Write the checksums of all files, as `sha256sum -c` reads them."""
    lines = []
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")
