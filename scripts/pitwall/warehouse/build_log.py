"""What each build records of itself: a row of `ops.builds`, and a row of `ops.build_tables` for each table.

The dbt sources YAML declares both tables. A new warehouse has the rows of the last one and its own. A build
that fails leaves the last warehouse as it is. Its row waits in the data folder (journal.py) until a build
succeeds.
"""

import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from pitwall.command import ROOT
from pitwall.raw.manifest import Row, utc_now
from pitwall.raw.predictions import ledger_files, ledger_fingerprint
from pitwall.raw.schema import Table, read_tables
from pitwall.warehouse.contents import Contents
from pitwall.warehouse.run_results import Node

SCHEMA = "ops"
OPS_SOURCES = ROOT / "models/staging/ops/_ops__sources.yml"
# So many builds are kept. With all of their tables they would grow by tens of thousands of rows a year.
KEPT_BUILDS = 1000
KEPT_BUILDS_WITH_TABLES = 200
STAGES = {
    "seed": "seeds_ms",
    "snapshot": "snapshots_ms",
    "model": "models_ms",
    "test": "tests_ms",
    "unit_test": "tests_ms",
}
SUCCEEDED, FAILED, INTERRUPTED = "succeeded", "failed", "interrupted"


@dataclass
class Build:
    """A row of `ops.builds`; the sources YAML describes the columns. What is not known is None."""

    built_at: datetime
    started_at: datetime | None = None
    duration_ms: int | None = None
    outcome: str = SUCCEEDED
    reason: str | None = None
    failed_nodes: str | None = None
    plan: str | None = None
    input: str | None = None
    code: str | None = None
    git_commit: str | None = None
    convert_ms: int | None = None
    prepare_ms: int | None = None
    dbt_ms: int | None = None
    seeds_ms: int | None = None
    snapshots_ms: int | None = None
    models_ms: int | None = None
    tests_ms: int | None = None
    check_ms: int | None = None
    mart_tables: int | None = None
    mart_rows: int | None = None
    data_tests: int | None = None
    unit_tests: int | None = None
    new_races: int | None = None
    revised_results: int | None = None

    @classmethod
    def started(cls, **known: Any) -> "Build":
        """A build that starts now."""
        now = utc_now()
        return cls(built_at=now, started_at=now, **known)

    def end(self, outcome: str) -> None:
        """Record that it ends now, and how."""
        started, self.built_at, self.outcome = self.built_at, utc_now(), outcome
        self.duration_ms = milliseconds(self.built_at - started)


@dataclass(frozen=True)
class BuiltTable:
    """A row of `ops.build_tables`; the sources YAML describes the columns."""

    built_at: datetime
    table_schema: str
    table_name: str
    row_count: int
    duration_ms: int | None = None
    content_hash: str | None = None


@dataclass(frozen=True)
class BuildLog:
    """The rows of both tables."""

    builds: pl.DataFrame
    tables: pl.DataFrame

    @classmethod
    def of(cls, builds: Iterable[Build] = (), tables: Iterable[BuiltTable] = ()) -> "BuildLog":
        """The rows of some builds."""
        return cls.read(_frame(builds), _frame(tables))

    @classmethod
    def read(cls, builds: pl.DataFrame | None, tables: pl.DataFrame | None) -> "BuildLog":
        """The rows that a warehouse has. One of an earlier version of the project has fewer columns."""
        declared_builds, declared_tables = ops_tables()
        return cls(
            as_declared(builds, declared_builds).with_columns(pl.col("outcome").fill_null(SUCCEEDED)),
            as_declared(tables, declared_tables),
        )

    def with_rows(self, failed: Iterable[Build], build: Build, tables: Iterable[BuiltTable]) -> "BuildLog":
        """These rows, and those of a build and of the builds that failed before it; not the oldest ones.

        Args:
            failed: from the journal. It may still have a build that this log has: the build was killed when
                its warehouse was in place, before the journal was cleared.
        """
        known = {*self.builds["started_at"], build.started_at}
        new = BuildLog.of([*(each for each in failed if each.started_at not in known), build], tables)
        rows = pl.concat([self.tables, new.tables])
        kept = rows["built_at"].unique().sort().tail(KEPT_BUILDS_WITH_TABLES)
        return BuildLog(
            pl.concat([self.builds, new.builds]).sort("built_at").tail(KEPT_BUILDS),
            rows.filter(pl.col("built_at").is_in(kept.implode())),
        )

    def frames(self) -> list[tuple[Table, pl.DataFrame]]:
        """Each declared table with its rows."""
        return list(zip(ops_tables(), (self.builds, self.tables), strict=True))


def _frame(rows: Iterable[Build] | Iterable[BuiltTable]) -> pl.DataFrame | None:
    values = [asdict(row) for row in rows]
    return pl.DataFrame(values, infer_schema_length=None) if values else None


@cache
def ops_tables() -> list[Table]:
    """`ops.builds` and `ops.build_tables`, as the sources YAML declares them."""
    return read_tables(OPS_SOURCES)


def as_declared(frame: pl.DataFrame | None, table: Table) -> pl.DataFrame:
    """The rows with the declared columns. A column that is missing is NULL; without a key there is no row."""
    if frame is None or not {*table.key} <= {*frame.columns}:
        return pl.DataFrame(schema={column.name: column.dtype for column in table.columns})
    return frame.select(
        (pl.col(column.name) if column.name in frame.columns else pl.lit(None))
        .cast(column.dtype)
        .alias(column.name)
        for column in table.columns
    )


def milliseconds(duration: timedelta) -> int:
    """A time in whole milliseconds."""
    return round(duration.total_seconds() * 1000)


def record_nodes(build: Build, nodes: list[Node]) -> None:
    """Record in a build the time of each kind of node, and the names of those that failed."""
    for node in nodes:
        if stage := STAGES.get(node.kind):
            setattr(build, stage, (getattr(build, stage) or 0) + node.milliseconds)
    failed = sorted(node.name for node in nodes if node.status in ("error", "fail", "runtime error"))
    build.failed_nodes = ", ".join(failed) or None


def built_tables(
    built_at: datetime, data: Path, raw: dict[str, Row], new: Contents, nodes: list[Node]
) -> list[BuiltTable]:
    """The tables of a build: the raw ones with the hash of their files, then what dbt built.

    Args:
        raw: the rows of the manifest.
        new: what is in the new warehouse.
        nodes: what dbt built.
    """
    files = ledger_files(data)
    rows = sum(pl.scan_parquet(file, glob=False).select(pl.len()).collect().item() for file in files)
    found = [
        BuiltTable(built_at, "raw", name, row["rows_converted"], content_hash=row["source_sha256"])
        for name, row in raw.items()
    ]
    found.append(BuiltTable(built_at, "raw", "ledger", rows, content_hash=ledger_fingerprint(data)))
    times = {node.name: node.milliseconds for node in nodes if node.kind == "model"}
    return found + [
        BuiltTable(built_at, schema, name, count, times.get(name))
        for schema, counts in (("marts", new.rows), ("quality", new.quality))
        for name, count in counts.items()
    ]


def git_commit(folder: Path) -> str | None:
    """The commit of a folder, with `-dirty` if files differ from it; None if it is in no git repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*"]
    try:
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() or None
