#!/usr/bin/env python3
"""Run `dbt build` into a new warehouse file, and put it in the place of the old one only if all went well.

Reads $PITWALL_DATA/parquet, which csv_to_parquet.py writes; makes $PITWALL_DATA/warehouse.duckdb. The new
file starts empty and has the same name in another folder, because a DuckDB catalog is named after its file
and the views refer to it. Whoever reads the old one is not disturbed, and a failed build changes nothing.
"""

import argparse
import json
import os
import subprocess
import sys
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
        print(f"Building {final} with dbt ...", flush=True)
        target = aside.parent / "target"
        if code := dbt_build(data.absolute(), aside.absolute(), target.absolute()):
            last = "the last good warehouse is unchanged" if final.exists() else "there is no warehouse yet"
            kept = f"; the failed one is kept for a look at {aside}" if aside.exists() else ""
            raise PlainError(
                f"dbt build failed (exit code {code}): {last}{kept}. Mend what dbt says above, start again."
            )
        tables, rows = count_marts(aside)
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
