"""Build a warehouse with dbt: into a new place first, which replaces the last warehouse if all went well."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from pitwall.command import ROOT, PlainError, log_event, printable
from pitwall.data_folder import data_folder, locked, recover
from pitwall.raw import manifest
from pitwall.raw.lake import lake_from_environment
from pitwall.raw.manifest import utc_now
from pitwall.raw.origin import describe, is_simulated
from pitwall.raw.predictions import check_ledger
from pitwall.warehouse.base import Warehouse
from pitwall.warehouse.build_log import (
    FAILED,
    INTERRUPTED,
    SUCCEEDED,
    Build,
    built_tables,
    git_commit,
    milliseconds,
    record_nodes,
)
from pitwall.warehouse.contents import Contents, check_whole, describe_changes
from pitwall.warehouse.dbt import build_options, count_tests, dbt_build, target_folder
from pitwall.warehouse.engines import warehouse_of
from pitwall.warehouse.fingerprint import code_fingerprint
from pitwall.warehouse.journal import Journal
from pitwall.warehouse.run_results import forget_last_run, read_nodes


def build(
    engine: str, *, unit_tests_always: bool = False, full: bool = False, may_simulate: bool = False
) -> None:
    """Build the warehouse of an engine, and print where it is, what changed, and what its data are.

    Unit tests test code, not data, so they run only if the code changed since they passed.

    Args:
        engine: one of ENGINES.
        unit_tests_always: run the unit tests even if they passed with the same code.
        full: build everything again, even if an incremental build would do.
        may_simulate: let simulated data replace a warehouse of real ones.

    Raises:
        PlainError: why it failed. The last warehouse is unchanged.
    """
    data = data_folder()
    parquet = data / "parquet"
    lake = lake_from_environment()
    if lake:
        lake.check()
    elif not data.is_dir():
        raise PlainError(f"{data}: no such folder; run `make build`, or `make build RAW=path`")
    warehouse = warehouse_of(engine, data)
    target = target_folder(engine, data)
    code = warehouse.code = code_fingerprint(ROOT)
    record = target / "unit_tests_passed"
    passed_before = unit_tests_passed(record, code)
    skipped = 0 if unit_tests_always else passed_before
    if full or not skipped:
        # A unit test is written for a full build of its model.
        warehouse.why_full = "as you asked" if full else "the unit tests have to run"
    with (
        locked(data) as lock,
        failures_recorded(
            Journal(data, warehouse.journal_name), Build.started(code=code, git_commit=git_commit(ROOT))
        ) as (journal, build),
    ):
        recover(data)
        if lake and engine != "duckdb":
            lake.fetch(data)
        elif not lake:
            manifest.check_intact(parquet)
        check_ledger(data)
        raw = lake.tables() if lake else manifest.read_manifest(parquet)
        build.input = what = f"what is in {lake}" if lake else describe(parquet)
        build.convert_ms = sum(int(1000 * row["seconds"]) for row in raw.values())
        connection = warehouse.begin()
        if warehouse.is_current:
            print(f"The warehouse is ready: {warehouse} ({warehouse.plan}).\nThe data: {what}.")
            return
        build.plan = warehouse.plan or "full"
        last = last_contents(warehouse)
        if last and last.is_simulated and not last.ended:
            warehouse.leaves_history = False  # it is worth nothing
        if last and not lake and not may_simulate:
            refuse_simulated(warehouse, last, parquet)
        plan = f" ({warehouse.plan})" if warehouse.plan else ""
        journal.start(build)
        print(f"Building {warehouse} with dbt{plan} ...", flush=True)
        record.unlink(missing_ok=True)  # if anything fails from here on, the unit tests run again
        forget_last_run(target)
        options = build_options(
            with_unit_tests=not skipped, is_new_code=not passed_before, selection=warehouse.selection
        )
        dbt_starts = utc_now()
        build.prepare_ms = milliseconds(dbt_starts - build.built_at)
        failure = dbt_build(warehouse.target, data.absolute(), connection, target.absolute(), lock, options)
        dbt_ends = utc_now()
        build.dbt_ms = milliseconds(dbt_ends - dbt_starts)
        nodes = read_nodes(target)
        record_nodes(build, nodes)
        if failure:
            build.reason = f"dbt build failed ({failure})"
            raise PlainError(
                f"{build.reason}: {what_is_left(warehouse)}. Fix what dbt reports above, then start again."
            )
        new = warehouse.contents(new=True)
        try:
            check_whole(new, last, {table: row["rows_converted"] for table, row in raw.items()})
        except PlainError as error:
            build.reason = str(error)
            raise PlainError(f"{error}; {what_is_left(warehouse)}") from None
        build.data_tests, build.unit_tests = data_tests, unit_tests = count_tests(target)
        build.mart_tables, build.mart_rows = len(new.rows), sum(new.rows.values())
        is_same_championship = last is not None and last.is_simulated == new.is_simulated
        if last and is_same_championship:
            build.new_races = len(set(new.races) - set(last.races))
            build.revised_results = max(new.ended - last.ended, 0)
        build.check_ms = milliseconds(utc_now() - dbt_ends)
        build.end(SUCCEEDED)
        tables = built_tables(build.built_at, data, raw, new, nodes)
        warehouse.log = warehouse.log.with_rows(journal.builds(), build, tables)
        warehouse.commit()
        journal.forget()
        log_event("build", "built", f"{warehouse} was built", **asdict(build))
        if (skipped or unit_tests) and code == code_fingerprint(ROOT):
            record.write_text(f"{code} {skipped or unit_tests}\n", encoding="utf-8")
    units = (
        f"{skipped} unit tests passed with this code before" if skipped else f"{unit_tests} unit tests passed"
    )
    print(
        f"The warehouse is ready: {warehouse}, {build.mart_tables} tables with {build.mart_rows:,} rows "
        f"in marts, {data_tests} data tests passed, {units}."
    )
    if last and is_same_championship:
        print("Since the last build:")
        print("\n".join(f"  {line}" for line in describe_changes(new, last)))
    docs = "make docs" if engine == "duckdb" else f"make docs ENGINE={engine}"
    print(f"Next: `{docs}` to find your way around it, `make test` to check everything.")
    print(f"The data: {what}.")


@contextmanager
def failures_recorded(journal: Journal, build: Build) -> Iterator[tuple[Journal, Build]]:
    """Write the build into the journal if it fails."""
    try:
        yield journal, build
    except (PlainError, OSError, KeyboardInterrupt) as error:
        is_interrupted = isinstance(error, KeyboardInterrupt)
        build.reason = build.reason or ("Ctrl-C" if is_interrupted else printable(str(error)))
        build.end(INTERRUPTED if is_interrupted else FAILED)
        journal.write(build)
        raise


def last_contents(warehouse: Warehouse) -> Contents | None:
    """What is in the last warehouse; None if there is none, or an earlier version of the project built it."""
    if not warehouse.exists():
        return None
    try:
        return warehouse.contents(new=False)
    except PlainError:
        return None


def refuse_simulated(warehouse: Warehouse, last: Contents, parquet: Path) -> None:
    """Raise PlainError if simulated data would replace a warehouse of real ones."""
    if is_simulated(parquet) and last.is_simulated is False:
        raise PlainError(
            f"{warehouse}: has real results, and the data in {parquet} are simulated; name the raw files "
            "with `make build RAW=path`, or build in another folder with PITWALL_DATA. To replace the real "
            f"results all the same, run `make build RAW={parquet.parent / 'raw' / 'simulated'}`"
        )


def what_is_left(warehouse: Warehouse) -> str:
    """What a user has after a build that failed."""
    last = "the last good warehouse is unchanged" if warehouse.exists() else "there is no warehouse yet"
    failed = warehouse.failed_build()
    kept = f"; the failed one is kept for a look at {failed}" if failed else ""
    return f"{last}{kept}"


def unit_tests_passed(record: Path, code: str) -> int:
    """How many unit tests passed when the same code was last built; 0 if they have to run."""
    try:
        passed = re.fullmatch(rf"{code} (\d+)\n", record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    return int(passed[1]) if passed else 0
