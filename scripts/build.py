#!/usr/bin/env python3
"""Run `dbt build` aside, and put the new warehouse in the place of the old one only if all went well.

Reads $PITWALL_DATA/parquet, which csv_to_parquet.py writes. Whoever reads the old warehouse is not disturbed,
and a failed build changes nothing. The snapshots, which tell how results were revised, are taken over from
the old warehouse before dbt adds to them.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import load_manifest
from data_folder import PlainError, data_folder, exit_code, locked, recover
from warehouse import Warehouse

ROOT = Path(__file__).resolve().parent.parent
# Imported by name, so that the one engine does not need the drivers of the others.
WAREHOUSES = {"duckdb": "DuckDBWarehouse"}


def warehouse_of(engine: str, data: Path) -> Warehouse:
    """The engine's warehouse. Raises PlainError if what it needs is not installed."""
    try:
        module = importlib.import_module(f"warehouse_{engine}")
    except ImportError as error:
        raise PlainError(
            f"{engine}: {error.name} is not installed; `make build ENGINE={engine}` installs it"
        ) from None
    return getattr(module, WAREHOUSES[engine])(data)


def dbt_build(engine: str, data: Path, place: dict[str, str], target: Path, lock: int) -> int:
    """Run `dbt build` into the given place; in a process of its own, so that all is closed at the end.

    It holds the lock too: were this script killed, the next build would meet what dbt still writes.
    """
    command = [Path(sys.executable).with_name("dbt"), "--log-level", "warn", "--log-level-file", "none"]
    command += ["build", "--target", engine, "--project-dir", ROOT, "--profiles-dir", ROOT]
    # A target folder of its own: another warehouse in the profile makes dbt parse the whole project again.
    command += ["--target-path", target]
    environment = {**os.environ, "PITWALL_DATA": str(data), "DO_NOT_TRACK": "1", **place}
    return subprocess.run(command, cwd=ROOT, env=environment, pass_fds=[lock]).returncode


def count_tests(run_results: Path) -> int:
    """The number of tests that passed, unit tests included; models succeed rather than pass."""
    results = json.loads(run_results.read_text(encoding="utf-8"))["results"]
    return sum(result["status"] == "pass" for result in results)


def build(engine: str) -> None:
    """Build aside, swap in, and say where it is."""
    data = data_folder()
    if not data.is_dir():
        raise PlainError(f"{data}: no such folder; `make build` makes it, or `make build RAW=path`")
    warehouse = warehouse_of(engine, data)
    with locked(data) as lock:
        recover(data)
        load_manifest.check(data / "parquet")
        place = warehouse.begin()
        print(f"Building {warehouse} with dbt ...", flush=True)
        target = data / ".build" / ("target" if engine == "duckdb" else f"target-{engine}")
        if code := dbt_build(warehouse.target, data.absolute(), place, target.absolute(), lock):
            last = (
                "the last good warehouse is unchanged" if warehouse.exists() else "there is no warehouse yet"
            )
            kept = f"; the failed one is kept for a look at {warehouse.kept()}" if warehouse.kept() else ""
            raise PlainError(
                f"dbt build failed (exit code {code}): {last}{kept}. Mend what dbt says above, start again."
            )
        tables, rows = warehouse.commit()
    print(
        f"The warehouse is ready: {warehouse}, {tables} tables with {rows:,} rows in marts, "
        f"{count_tests(target / 'run_results.json')} tests passed.\n"
        "Next: `make docs` to find your way around it, `make test` to check everything."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--engine", choices=WAREHOUSES, default="duckdb", help="where to build (default: duckdb)"
    )
    options = parser.parse_args()
    sys.exit(exit_code("build", lambda: build(options.engine), data_folder()))
