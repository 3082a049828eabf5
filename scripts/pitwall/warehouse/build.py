"""Run `dbt build` aside, and put the new warehouse in the place of the old one only if all went well."""

import re
from pathlib import Path

from pitwall.command import ROOT, PlainError
from pitwall.data_folder import data_folder, locked, recover
from pitwall.raw import manifest
from pitwall.raw.lake import lake_from_environment
from pitwall.warehouse.dbt import count_tests, dbt_build, target_folder
from pitwall.warehouse.engines import warehouse_of
from pitwall.warehouse.fingerprint import code_fingerprint


def unit_tests_passed(record: Path, code: str) -> int:
    """How many unit tests the same code passed when it last built; 0 where they have to run."""
    try:
        passed = re.fullmatch(rf"{code} (\d+)\n", record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    return int(passed[1]) if passed else 0


def build(engine: str, *, unit_tests_always: bool = False, full: bool = False) -> None:
    """Build aside, swap in, and say where it is.

    Unit tests test code, not data: with the code of the last good build they run only if asked for. `full`
    makes everything anew, where otherwise it may be enough to bring up to date what changed.
    """
    data = data_folder()
    source = lake_from_environment()
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
            manifest.check(data / "parquet")
        place = warehouse.begin()
        if warehouse.is_current:
            print(f"The warehouse is ready: {warehouse} ({warehouse.plan}).")
            return
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
        data_tests, unit_tests = count_tests(target)
        if (known or unit_tests) and code == code_fingerprint(ROOT):
            record.write_text(f"{code} {known or unit_tests}\n", encoding="utf-8")
    units = f"{known} unit tests passed with this code before" if known else f"{unit_tests} unit tests passed"
    print(
        f"The warehouse is ready: {warehouse}, {tables} tables with {rows:,} rows in marts, "
        f"{data_tests} data tests passed, {units}.\n"
        "Next: `make docs` to find your way around it, `make test` to check everything."
    )
