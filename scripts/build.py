#!/usr/bin/env python3
"""Run `dbt build` into a new warehouse file, and put it in the place of the old one only if all went well.

Reads $PITWALL_DATA/parquet, which csv_to_parquet.py writes; makes $PITWALL_DATA/warehouse.duckdb. The new
file starts empty and has the same name in another folder, because a DuckDB catalog is named after its file
and the views refer to it. Whoever reads the old one is not disturbed, and a failed build changes nothing.
The snapshots, which tell how results were revised, are taken over from the old file before dbt adds to them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from data_folder import PlainError, data_folder, exit_code, locked, recover

ROOT = Path(__file__).resolve().parent.parent


def dbt_build(data: Path, warehouse: Path, target: Path) -> int:
    """Run `dbt build` into the given file; in a process of its own, so that the file is closed at the end."""
    command = [Path(sys.executable).with_name("dbt"), "--log-level", "warn", "--log-level-file", "none"]
    command += ["build", "--target", "duckdb", "--project-dir", ROOT, "--profiles-dir", ROOT]
    # A target folder of its own: another warehouse in the profile makes dbt parse the whole project again.
    command += ["--target-path", target]
    environment = {
        **os.environ,
        "PITWALL_DATA": str(data),
        "PITWALL_WAREHOUSE": str(warehouse),
        "DO_NOT_TRACK": "1",
    }
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def count_tests(run_results: Path) -> int:
    """The number of tests that passed, unit tests included; models succeed rather than pass."""
    results = json.loads(run_results.read_text(encoding="utf-8"))["results"]
    return sum(result["status"] == "pass" for result in results)


def count_marts(warehouse: Path) -> tuple[int, int]:
    """Fold the write-ahead log into the file, and return the number of tables and of rows in marts."""
    with duckdb.connect(warehouse) as connection:
        connection.execute("checkpoint")
        names = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'marts'"
        ).fetchall()
        rows = [connection.execute(f'select count(*) from marts."{name}"').fetchall() for (name,) in names]
    return len(names), sum(count for [(count,)] in rows)


def write_ahead_log(warehouse: Path) -> Path:
    """The file that DuckDB keeps beside a database while it is open for writing."""
    return warehouse.with_name(warehouse.name + ".wal")


def is_of_other_results(connection: duckdb.DuckDBPyConnection, results: Path) -> bool:
    """Whether the history attached as `last` is of another championship: its ids mean other results."""
    known, same = connection.execute(
        "select count(*), "
        "count(*) filter (where was.race_id = now.race_id and was.driver_id = now.driver_id) from "
        "last.snapshots.race_results_history as was join read_parquet(?) as now using (result_id) "
        "where was.dbt_valid_to is null",
        [str(results)],
    ).fetchall()[0]
    return 2 * same < known


def carry_history(last: Path, aside: Path, results: Path) -> bool:
    """Copy the snapshots of the last good warehouse into the new file, where dbt adds to them.

    Returns whether revisions stay behind, because the new results are of another championship: every one of
    them would look revised. Raises PlainError if the file cannot be read: the history is in no other.
    """
    try:
        with duckdb.connect(aside) as connection:
            quoted = str(last).replace("'", "''")
            connection.execute(f"attach '{quoted}' as last (read_only)")
            tables = connection.execute(
                "select table_name from information_schema.tables "
                "where table_catalog = 'last' and table_schema = 'snapshots'"
            ).fetchall()
            if ("race_results_history",) in tables and is_of_other_results(connection, results):
                query = "select count(dbt_valid_to) > 0 from last.snapshots.race_results_history"
                return connection.execute(query).fetchall() == [(True,)]
            connection.execute("create schema snapshots")
            for (table,) in tables:
                connection.execute(f'create table snapshots."{table}" as from last.snapshots."{table}"')
    except duckdb.Error as error:
        raise PlainError(
            f"{last}: cannot be read, and no other file has the history of revised results. If another "
            "program writes to it, start again when that has ended; if it is broken, put a good copy in its "
            f"place, or move it away to begin a new history. DuckDB says: {error}"
        ) from None
    return False


def keep_beside(warehouse: Path) -> Path:
    """Copy a warehouse, and the log that may belong to it, to a name that tells the time. Returns it."""
    copy = warehouse.with_name(f"warehouse-{datetime.now(UTC):%Y%m%d-%H%M%S}.duckdb")
    shutil.copy2(warehouse, copy)
    if write_ahead_log(warehouse).exists():
        shutil.copy2(write_ahead_log(warehouse), write_ahead_log(copy))
    return copy


def build() -> None:
    """Build aside, swap in, and say where it is."""
    data = data_folder()
    final = data / "warehouse.duckdb"
    aside = data / ".build" / "warehouse.duckdb"
    if not data.is_dir():
        raise PlainError(f"{data}: no such folder; `make build` makes it, or `make build RAW=path`")
    with locked(data):
        recover(data)
        if not (data / "parquet").is_dir():
            raise PlainError(f"{data}/parquet: no data yet; `make build` makes it, or `make build RAW=path`")
        aside.parent.mkdir(exist_ok=True)
        for leftover in (aside, write_ahead_log(aside)):
            leftover.unlink(missing_ok=True)
        stays_behind = final.exists() and carry_history(final, aside, data / "parquet" / "results.parquet")
        print(f"Building {final} with dbt ...", flush=True)
        target = aside.parent / "target"
        if code := dbt_build(data.absolute(), aside.absolute(), target.absolute()):
            last = "the last good warehouse is unchanged" if final.exists() else "there is no warehouse yet"
            kept = f"; the failed one is kept for a look at {aside}" if aside.exists() else ""
            raise PlainError(
                f"dbt build failed (exit code {code}): {last}{kept}. Mend what dbt says above, start again."
            )
        tables, rows = count_marts(aside)
        if stays_behind:
            print(
                f"The last results were of another championship; {keep_beside(final)} keeps their revisions."
            )
        # A log that somebody's broken session left belongs to the old file; DuckDB would try it on the new.
        write_ahead_log(final).unlink(missing_ok=True)
        aside.replace(final)
    print(
        f"The warehouse is ready: {final}, {tables} tables with {rows:,} rows in marts, "
        f"{count_tests(target / 'run_results.json')} tests passed.\n"
        "Next: `make docs` to find your way around it, `make test` to check everything."
    )


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    sys.exit(exit_code("build", build, data_folder()))
