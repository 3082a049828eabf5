"""What a build records of itself, the journal of builds that failed, and scripts/last_build.py."""

import dataclasses
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from conftest import SCRIPTS, manifest_row, run

from pitwall.warehouse import build_log
from pitwall.warehouse.build_log import (
    FAILED,
    INTERRUPTED,
    SUCCEEDED,
    Build,
    BuildLog,
    BuiltTable,
    built_tables,
    git_commit,
    ops_tables,
    record_nodes,
)
from pitwall.warehouse.contents import Contents
from pitwall.warehouse.duckdb import DuckDBWarehouse
from pitwall.warehouse.journal import FILE, KILLED, Journal
from pitwall.warehouse.run_results import forget_last_run, read_nodes

NOON = datetime(2025, 10, 5, 12)


def build(day: int, **known: Any) -> Build:
    """A build of a minute, so many days after NOON."""
    ended = NOON + timedelta(day)
    minute = timedelta(minutes=1)
    return Build(**{"built_at": ended, "started_at": ended - minute, "duration_ms": 60_000, **known})


def table(day: int, name: str, rows: int) -> BuiltTable:
    return BuiltTable(NOON + timedelta(day), "marts", name, rows)


@pytest.mark.parametrize(("row", "declared"), [(Build, 0), (BuiltTable, 1)])
def test_rows_have_the_declared_columns(row: type, declared: int) -> None:
    columns = [column.name for column in ops_tables()[declared].columns]
    assert [field.name for field in dataclasses.fields(row)] == columns


# The log


def test_a_build_is_added_after_those_that_failed() -> None:
    failed = [build(1, outcome=FAILED, reason="why"), build(2, outcome=INTERRUPTED, reason=KILLED)]
    log = BuildLog.of([build(0)], [table(0, "laps", 1)])
    log = log.with_rows(failed, build(3), [table(3, "laps", 2)])
    assert log.builds["outcome"].to_list() == [SUCCEEDED, FAILED, INTERRUPTED, SUCCEEDED]
    assert log.tables["row_count"].to_list() == [1, 2]


def test_a_build_is_added_once() -> None:
    """The build was killed between the swap and the removal of its line in the journal."""
    in_journal = build(1, outcome=INTERRUPTED, built_at=NOON, duration_ms=None)
    log = BuildLog.of([build(0), build(1)]).with_rows([in_journal], build(2), [])
    assert log.builds["built_at"].to_list() == [NOON + timedelta(day) for day in range(3)]
    log = BuildLog.of([build(0)]).with_rows([in_journal], build(1), [])
    assert log.builds["outcome"].to_list() == [SUCCEEDED] * 2


def test_the_oldest_rows_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_log, "KEPT_BUILDS", 3)
    monkeypatch.setattr(build_log, "KEPT_BUILDS_WITH_TABLES", 2)
    log = BuildLog.of()
    for day in range(5):
        log = log.with_rows([], build(day), [table(day, "laps", day), table(day, "races", day)])
    assert log.builds["built_at"].dt.day().to_list() == [7, 8, 9]
    assert log.tables["row_count"].to_list() == [3, 3, 4, 4]


def test_the_rows_of_an_earlier_version_are_kept() -> None:
    """It had fewer columns, another order, and no table of tables."""
    old = pl.DataFrame({"duration_ms": [5], "built_at": [NOON], "plan": ["full"], "gone": [1]})
    log = BuildLog.read(old, None)
    [row] = log.builds.to_dicts()
    assert (row["built_at"], row["plan"], row["duration_ms"], row["outcome"]) == (NOON, "full", 5, SUCCEEDED)
    assert row["started_at"] is None
    assert log.with_rows([], build(1), []).builds.height == 2


def test_a_table_of_another_program_has_no_builds() -> None:
    log = BuildLog.read(pl.DataFrame({"a": [1]}), pl.DataFrame({"built_at": [NOON]}))
    assert (log.builds.height, log.tables.height) == (0, 0)


def test_tables_have_their_rows_and_hashes(tmp_path: Path) -> None:
    raw = {"laps": {**manifest_row("laps", ""), "source_sha256": "abc", "rows_converted": 7}}
    new = Contents({"fct_laps": 7}, quality={"anomaly_counts": 2})
    (tmp_path / "run_results.json").write_text(
        json.dumps(
            {"results": [{"unique_id": "model.pitwall.fct_laps", "status": "success", "execution_time": 1.2}]}
        )
    )
    found = built_tables(NOON, tmp_path, raw, new, read_nodes(tmp_path))
    rows = [(row.table_schema, row.table_name, row.row_count, row.duration_ms) for row in found]
    assert rows == [
        ("raw", "laps", 7, None),
        ("raw", "ledger", 0, None),
        ("marts", "fct_laps", 7, 1200),
        ("quality", "anomaly_counts", 2, None),
    ]
    assert found[0].content_hash == "abc"
    assert found[1].content_hash
    assert not found[2].content_hash


def test_nodes_are_counted_by_kind_and_failed_ones_named(tmp_path: Path) -> None:
    results = [
        ("seed.pitwall.colors", "success", 0.5),
        ("snapshot.pitwall.history", "success", 1),
        ("model.pitwall.one", "success", 1),
        ("model.pitwall.two", "error", 2),
        ("test.pitwall.merged_one_.f00", "fail", 0.25),
        ("test.pitwall.warned.f00", "warn", 0.25),
        ("unit_test.pitwall.one.rule", "error", 0.5),
        ("operation.pitwall.hook", "success", 9),
    ]
    named = [{"unique_id": name, "status": status, "execution_time": time} for name, status, time in results]
    (tmp_path / "run_results.json").write_text(json.dumps({"results": named}))
    recorded = build(0)
    record_nodes(recorded, read_nodes(tmp_path))
    assert recorded.failed_nodes == "merged_one_, one.rule, two"
    times = (recorded.seeds_ms, recorded.snapshots_ms, recorded.models_ms, recorded.tests_ms)
    assert times == (500, 1000, 3000, 1000)


def test_results_of_an_earlier_run_are_not_read(tmp_path: Path) -> None:
    """dbt ended before it wrote any."""
    (tmp_path / "run_results.json").write_text('{"results": [{"unique_id": "model.a.b", "status": "error"}]}')
    assert read_nodes(tmp_path)
    forget_last_run(tmp_path)
    forget_last_run(tmp_path)
    assert read_nodes(tmp_path) == []


def test_the_commit_is_known_only_in_a_repository(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None
    for arguments in (
        ["init", "-q"],
        ["commit", "-q", "--allow-empty", "-m", "x"],
        ["tag", "-a", "v1", "-m", "x"],
    ):
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        assert not run("git", "-C", tmp_path, *identity, *arguments).returncode
    commit = run("git", "-C", tmp_path, "rev-parse", "HEAD").stdout.strip()
    assert git_commit(tmp_path) == commit
    (tmp_path / "file").touch()
    run("git", "-C", tmp_path, "add", "file")
    assert git_commit(tmp_path) == f"{commit}-dirty"


# The journal


def test_the_last_line_of_a_build_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "duckdb")
    killed, failed = build(0), build(1)
    journal.start(killed)
    journal.start(failed)
    journal.write(dataclasses.replace(failed, outcome=FAILED, reason="why"))
    assert [(row.started_at, row.outcome, row.reason) for row in journal.builds()] == [
        (killed.started_at, INTERRUPTED, KILLED),
        (failed.started_at, FAILED, "why"),
    ]


def test_each_warehouse_has_its_own_lines(tmp_path: Path) -> None:
    one, other = Journal(tmp_path, "duckdb"), Journal(tmp_path, "PostgreSQL database a at b:1")
    one.start(build(0))
    other.start(build(1))
    one.forget()
    assert one.builds() == []
    assert [row.started_at for row in other.builds()] == [build(1).started_at]
    other.forget()
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("damage", ['{"warehouse": "duckdb", "built_at": "2025', "[]", "\0", "{}"])
def test_a_damaged_line_is_skipped(tmp_path: Path, damage: str) -> None:
    """A full disk cut it short."""
    journal = Journal(tmp_path, "duckdb")
    journal.start(build(0))
    with (tmp_path / FILE).open("a", encoding="utf-8") as file:
        file.write(damage)
    journal.start(build(1))
    assert len(journal.builds()) == 2


def test_a_build_goes_on_if_the_journal_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    journal = Journal(tmp_path, "duckdb")
    journal.start(build(0))
    assert journal.builds() == []


# The command


def write_warehouse(data: Path, log: BuildLog, revisions: str = "") -> None:
    """A warehouse with these builds, and no tables but that of the revisions."""
    warehouse = DuckDBWarehouse(data)
    warehouse.new.parent.mkdir(parents=True, exist_ok=True)
    warehouse.log = log
    with duckdb.connect(warehouse.new) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.fct_result_revisions (revised_at timestamp, season int, round int, "
            "race_name text, driver_name text, constructor_name text, revised_column text, "
            "value_before text, value_after text)"
        )
        if revisions:
            connection.execute(f"insert into marts.fct_result_revisions values {revisions}")
        warehouse.write_log(connection)
    warehouse.new.replace(warehouse.final)


def last_build(data: Path, *options: str) -> tuple[int, str]:
    result = run(SCRIPTS / "last_build.py", *options, PITWALL_DATA=data)
    return result.returncode, result.stdout


LOG = BuildLog.of(
    [
        build(0, plan="full"),
        build(1, outcome=FAILED, reason="why"),
        build(
            2,
            plan="incremental: 1 of 76 seasons changed (2025)",
            input="real files to 5 Oct 2025",
            new_races=1,
            revised_results=1,
            mart_tables=2,
            mart_rows=1234,
            data_tests=7,
            models_ms=1500,
        ),
    ],
    [
        *(table(0, name, rows) for name, rows in (("laps", 1000), ("races", 5), ("same", 3), ("old", 4))),
        *(table(2, name, rows) for name, rows in (("laps", 2500), ("races", 4), ("same", 3), ("fresh", 0))),
    ],
)
REVISIONS = (
    "('2025-10-05 11:59:00', 2024, 1, 'Monaco Grand Prix', 'Older', 'Team', 'points', '1', '2'), "
    "('2025-10-07 11:59:30', 2025, 18, 'Singapore Grand Prix', 'Anna', 'Team', 'points', '18.00', null)"
)


def test_the_last_build_is_shown_to_programs(tmp_path: Path) -> None:
    write_warehouse(tmp_path, LOG, REVISIONS)
    Journal(tmp_path, "duckdb").write(build(3, outcome=FAILED, reason="a rule", failed_nodes="fct_laps"))
    Journal(tmp_path, "duckdb").start(build(4, duration_ms=None))
    Journal(tmp_path, "spark").write(build(3, outcome=FAILED, reason="another warehouse"))
    code, output = last_build(tmp_path, "--json")
    assert code == 0, output
    found = json.loads(output)
    assert list(found) == ["warehouse", "build", "previous", "tables", "revisions", "failures"]
    assert found["build"]["built_at"] == "2025-10-07T12:00:00Z"
    assert list(found["build"]) == [field.name for field in dataclasses.fields(Build)]
    assert found["previous"] == "2025-10-05T12:00:00Z"
    assert [tuple(row.values())[1:] for row in found["tables"]] == [
        ("laps", 1000, 2500, 1500),
        ("old", 4, None, -4),
        ("races", 5, 4, -1),
        ("fresh", None, 0, 0),
    ]
    [revision] = found["revisions"]
    assert (revision["driver_name"], revision["value_before"], revision["value_after"]) == (
        "Anna",
        "18.00",
        None,
    )
    assert [(row["outcome"], row["reason"]) for row in found["failures"]] == [
        ("failed", "a rule"),
        ("unfinished", "it is running, or it was killed"),
    ]


def test_the_last_build_is_shown_to_a_person(tmp_path: Path) -> None:
    write_warehouse(tmp_path, LOG, REVISIONS)
    Journal(tmp_path, "duckdb").write(build(3, outcome=FAILED, reason="a rule", failed_nodes="fct_laps"))
    code, output = last_build(tmp_path)
    assert (code, output.splitlines()) == (
        0,
        [
            f"{tmp_path / 'warehouse.duckdb'}: built on 7 Oct 2025, 12:00 UTC",
            "  from real files to 5 Oct 2025",
            "  incremental: 1 of 76 seasons changed (2025)",
            "  60.0 s (models 1.5 s)",
            "  2 tables with 1,234 rows in marts, 7 data tests passed",
            "  1 new race",
            "  1 revised result",
            "Tables with more or fewer rows than before:",
            "  marts.laps   1,000  to  2,500  +1,500",
            "  marts.old    4      to  -      -4",
            "  marts.races  5      to  4      -1",
            "  marts.fresh  -      to  0      +0",
            "Results that the source has revised:",
            "  2025 Singapore Grand Prix  Anna  points  18.00  to  NULL",
            "Builds since then that did not succeed (their start, UTC):",
            "  8 Oct 2025, 11:59  failed  a rule  fct_laps",
        ],
    )


def test_a_first_build_that_failed_is_shown(tmp_path: Path) -> None:
    Journal(tmp_path, "duckdb").write(build(3, outcome=FAILED, reason="a rule"))
    code, output = last_build(tmp_path, "--json")
    assert code == 0, output
    assert json.loads(output)["build"] is None
    assert "no build has succeeded yet" in last_build(tmp_path)[1]


def test_without_any_build_one_line_says_what_to_do(tmp_path: Path) -> None:
    missing = tmp_path / "warehouse.duckdb"
    line = f"last_build: {missing}: is not built yet; `make build` builds it\n"
    assert last_build(tmp_path) == (2, line)
    duckdb.connect(missing).close()
    line = f"last_build: {missing}: no build is recorded; `make build` records one\n"
    assert last_build(tmp_path, "--json") == (2, line)


# A real warehouse


def test_the_build_of_the_simulated_championship_is_recorded(simulated_warehouse: Path) -> None:
    """All stages, every mart, and each raw table, in the tables and in the models that read them."""
    with duckdb.connect(simulated_warehouse, read_only=True) as connection:
        [times] = connection.execute(
            "select outcome, build_kind, build_kind_reason, failed_nodes, least(prepare_ms, dbt_ms, "
            "seeds_ms, snapshots_ms, models_ms, tests_ms, check_ms, mart_tables, mart_rows, data_tests, "
            "unit_tests) > 0 "
            "from ops.build_times"
        ).fetchall()
        [marts, tables, sources, raw, first] = connection.execute(
            "select (select count(*) from duckdb_tables() where schema_name = 'marts'), "
            "(select count(*) from ops.build_tables where table_schema = 'marts' and duration_ms >= 0), "
            "(select count(*) from ops.source_updates), "
            # All but the manifest.
            "(select count(*) - 1 from duckdb_views() where schema_name = 'raw'), "
            "(select bool_and(is_first_known) from ops.source_updates)"
        ).fetchall()[0]
    assert (tables, sources, first) == (marts, raw, True)
    assert marts > 40
    assert times == (SUCCEEDED, "full", "there is no warehouse yet", None, True)
