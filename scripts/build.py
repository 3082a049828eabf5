#!/usr/bin/env python3
"""Run `dbt build` aside, and put the new warehouse in the place of the old one only if all went well.

Reads $PITWALL_DATA/parquet, which csv_to_parquet.py writes, or the lake that $PITWALL_LAKE names. Whoever
reads the old warehouse is not disturbed, and a failed build changes nothing. The snapshots, which tell how
results were revised, are taken over from the old warehouse before dbt adds to them.
"""

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import load_manifest
from data_folder import PlainError, data_folder, exit_code, lake, locked, recover
from fingerprint import code_fingerprint
from warehouse import NotAvailable, Warehouse

ROOT = Path(__file__).resolve().parent.parent
# Imported by name, so that the one engine does not need the drivers of the others.
WAREHOUSES = {"duckdb": "DuckDBWarehouse", "postgres": "PostgresWarehouse", "spark": "spark_warehouse"}


def warehouse_of(engine: str, data: Path) -> Warehouse:
    """The engine's warehouse. Raises NotAvailable if what it needs is not installed."""
    try:
        module = importlib.import_module(f"warehouse_{engine}")
    except ImportError as error:
        raise NotAvailable(
            f"{engine}: {error.name} is not installed; `make build ENGINE={engine}` installs it"
        ) from None
    return getattr(module, WAREHOUSES[engine])(data)


def target_folder(engine: str, data: Path) -> Path:
    """Where dbt leaves the manifest and the results of the last build."""
    return data / ".build" / ("target" if engine == "duckdb" else f"target-{engine}")


def dbt_build(engine: str, data: Path, place: dict[str, str], target: Path, lock: int, *options: str) -> str:
    """Run `dbt build` into the given place; in a process of its own, so that all is closed at the end.

    It holds the lock too: were this script killed, the next build would meet what dbt still writes.

    Returns:
        Why it failed: the last words of a crash, without its traceback, or the exit code. Else nothing.
    """
    command = [Path(sys.executable).with_name("dbt"), "--log-level", "warn", "--log-level-file", "none"]
    command += ["build", "--target", engine, "--project-dir", ROOT, "--profiles-dir", ROOT]
    # A target folder of its own: another warehouse in the profile makes dbt parse the whole project again.
    command += ["--target-path", target, *options]
    environment = {**os.environ, "PITWALL_DATA": str(data), "DO_NOT_TRACK": "1", **place}
    if sys.stdout.isatty():
        command.insert(1, "--use-colors")
    crash = ""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        pass_fds=[lock],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            if crash or "Traceback (most recent call last)" in line:
                crash = line.strip() or crash
            else:
                print(line, end="", flush=True)
    if not process.returncode:
        return ""
    return crash or f"exit code {process.returncode}"


def unit_tests_passed(record: Path, code: str) -> int:
    """How many unit tests the same code passed when it last built; 0 where they have to run."""
    try:
        passed = re.fullmatch(rf"{code} (\d+)\n", record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    return int(passed[1]) if passed else 0


def count_tests(target: Path) -> tuple[int, int]:
    """How many rules of the data hold, by dbt's last run, and how many unit tests passed."""
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    rules = unit_tests = 0
    for passed in (result["unique_id"] for result in results if result["status"] == "pass"):
        if passed.startswith("unit_test."):
            unit_tests += 1
            continue
        # The test `rules` is as many as it has rules; any other test is one.
        test = nodes[passed].get("test_metadata") or {"name": "singular"}
        arguments = [value for name, value in test.get("kwargs", {}).items() if name != "model"]
        rules += (
            sum(1 if isinstance(each, str) else len(each) for each in arguments)
            if test["name"] == "rules"
            else 1
        )
    return rules, unit_tests


def build(engine: str, *, unit_tests_always: bool = False, full: bool = False) -> None:
    """Build aside, swap in, and say where it is.

    Unit tests test code, not data: with the code of the last good build they run only if asked for. `full`
    makes everything anew, where otherwise it may be enough to bring up to date what changed.
    """
    data = data_folder()
    source = lake()
    if source:
        source.check()
    elif not data.is_dir():
        raise PlainError(f"{data}: no such folder; `make build` makes it, or `make build RAW=path`")
    warehouse = warehouse_of(engine, data)
    target = target_folder(engine, data)
    code = warehouse.code = code_fingerprint(ROOT)
    record = target / "unit_tests_passed"
    passed = unit_tests_passed(record, code)
    known = 0 if unit_tests_always else passed
    if full or not known:
        # Unit tests look at a model as it is where everything is made anew.
        warehouse.why_full = "as you asked" if full else "the unit tests have to run"
    with locked(data) as lock:
        recover(data)
        if source and engine != "duckdb":
            source.fetch(data)
        elif not source:
            load_manifest.check(data / "parquet")
        place = warehouse.begin()
        plan = f" ({warehouse.plan})" if warehouse.plan else ""
        print(f"Building {warehouse} with dbt{plan} ...", flush=True)
        record.unlink(missing_ok=True)  # whatever goes wrong from here on, they run again
        # What dbt remembers of its last parse can lack the snapshot after a change of a source beside others.
        options = [] if passed else ["--no-partial-parse"]
        options += ["--exclude-resource-type", "unit_test"] if known else []
        if failed := dbt_build(warehouse.target, data.absolute(), place, target.absolute(), lock, *options):
            last = (
                "the last good warehouse is unchanged" if warehouse.exists() else "there is no warehouse yet"
            )
            kept = f"; the failed one is kept for a look at {warehouse.kept()}" if warehouse.kept() else ""
            raise PlainError(
                f"dbt build failed ({failed}): {last}{kept}. Mend what dbt says above, start again."
            )
        tables, rows = warehouse.commit()
        rules, unit_tests = count_tests(target)
        if (known or unit_tests) and code == code_fingerprint(ROOT):
            record.write_text(f"{code} {known or unit_tests}\n", encoding="utf-8")
    units = f"{known} unit tests passed with this code before" if known else f"{unit_tests} unit tests passed"
    print(
        f"The warehouse is ready: {warehouse}, {tables} tables with {rows:,} rows in marts, "
        f"{rules} rules hold, {units}.\n"
        "Next: `make docs` to find your way around it, `make test` to check everything."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--engine", choices=WAREHOUSES, default="duckdb", help="where to build (default: duckdb)"
    )
    parser.add_argument(
        "--unit-tests",
        choices=["changed", "always"],
        default="changed",
        help="when to run the unit tests: if the code changed since they passed (default), or always",
    )
    parser.add_argument("--full", action="store_true", help="make everything anew, whatever changed")
    options = parser.parse_args()
    always = options.unit_tests == "always"

    def action() -> None:
        build(options.engine, unit_tests_always=always, full=options.full)

    sys.exit(exit_code("build", action, data_folder()))
