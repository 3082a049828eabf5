"""The last build that succeeded, what it changed, and the builds that have failed since."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
from tabulate import tabulate

from pitwall.command import PlainError, printable
from pitwall.needs import NotAvailable
from pitwall.warehouse.base import Warehouse
from pitwall.warehouse.build_log import INTERRUPTED, SUCCEEDED, BuildLog
from pitwall.warehouse.journal import Journal

Row = dict[str, Any]
UNFINISHED = "unfinished"
KEYS = ["table_schema", "table_name"]
REVISIONS = """
    select
        revised_at, season, round, race_name, driver_name, constructor_name, revised_column, value_before,
        value_after
    from marts.fct_result_revisions
    where revised_at > timestamp '{}'
    order by season desc, round desc, driver_name, revised_column
"""
STAGES = {
    "preparation": "prepare_ms",
    "seeds": "seeds_ms",
    "snapshots": "snapshots_ms",
    "models": "models_ms",
    "tests": "tests_ms",
    "checks": "check_ms",
}
SHOWN = 10  # so many rows of a list are shown to a person


@dataclass(frozen=True)
class LastBuild:
    """What scripts/last_build.py shows; its documentation describes each part."""

    warehouse: str
    build: Row | None
    previous: datetime | None
    tables: list[Row]
    revisions: list[Row]
    failures: list[Row]


def read(warehouse: Warehouse) -> LastBuild:
    """Read the last build of a warehouse.

    Raises:
        PlainError: nothing is recorded, neither in the warehouse nor in the journal of failed builds.
    """
    build, previous, tables, revisions = None, None, pl.DataFrame(), pl.DataFrame()
    log, missing = BuildLog.of(), None
    try:
        log = warehouse.read_log()
        succeeded = log.builds.filter(pl.col("outcome") == SUCCEEDED)
        if succeeded.height:
            build = succeeded.row(-1, named=True)
            tables = table_changes(log)
        if build and succeeded.height > 1:
            previous = succeeded["built_at"][-2]
            if build["revised_results"]:
                with warehouse.reader(new=False) as reader:
                    revisions = reader.query(REVISIONS.format(previous))
    except NotAvailable as error:
        missing = error
    known = set(log.builds["started_at"])
    journal = Journal(warehouse.data, warehouse.journal_name)
    failures = [asdict(each) for each in journal.builds() if each.started_at not in known]
    for failure in failures:
        if failure["outcome"] == INTERRUPTED and failure["duration_ms"] is None:
            failure |= {"outcome": UNFINISHED, "reason": "it is running, or it was killed"}
    if not build and not failures:
        raise missing or PlainError(f"{warehouse}: no build is recorded; `make build` records one")
    return LastBuild(str(warehouse), build, previous, tables.to_dicts(), revisions.to_dicts(), failures)


def table_changes(log: BuildLog) -> pl.DataFrame:
    """The tables of the newest build with more or fewer rows than before, as ops.table_changes has them."""
    builds = log.tables["built_at"].unique().sort()
    if builds.len() < 2:
        return pl.DataFrame()
    before, after = (
        log.tables.filter(pl.col("built_at") == built_at).select(*KEYS, pl.col("row_count").alias(name))
        for built_at, name in zip(builds[-2:], ("rows_before", "rows_after"), strict=True)
    )
    added = (pl.col("rows_after").fill_null(0) - pl.col("rows_before").fill_null(0)).alias("rows_added")
    return (
        before.join(after, on=KEYS, how="full", coalesce=True)
        .filter(pl.col("rows_before").ne_missing(pl.col("rows_after")))
        .with_columns(added)
        .sort(pl.col("rows_added").abs(), *KEYS, descending=[True, False, False])
    )


def as_json(found: LastBuild) -> str:
    """One JSON object in one line. Times are UTC."""
    return json.dumps(asdict(found), default=_iso, ensure_ascii=False)


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def as_text(found: LastBuild) -> str:
    """What a person reads."""
    parts = []
    if found.build:
        parts.append(build_text(found.warehouse, found.build))
        parts.append(
            table_text(
                "Tables with more or fewer rows than before:",
                [
                    (
                        f"{row['table_schema']}.{row['table_name']}",
                        count_text(row["rows_before"]),
                        "to",
                        count_text(row["rows_after"]),
                        f"{row['rows_added']:+,}",
                    )
                    for row in found.tables
                ],
            )
        )
        parts.append(
            table_text(
                "Results that the source has revised:",
                [
                    (
                        f"{row['season']} {row['race_name']}",
                        row["driver_name"],
                        row["revised_column"],
                        row["value_before"] or "NULL",
                        "to",
                        row["value_after"] or "NULL",
                    )
                    for row in found.revisions
                ],
            )
        )
    else:
        parts.append(f"{found.warehouse}: no build has succeeded yet.")
    failures = [
        (time_text(row["started_at"]), row["outcome"], row["reason"], row["failed_nodes"] or "")
        for row in found.failures
    ]
    parts.append(table_text("Builds since then that did not succeed (their start, UTC):", failures))
    return "\n".join(part for part in parts if part)


def build_text(warehouse: str, build: Row) -> str:
    """When, from what, how, how long, how much."""
    lines = [f"{warehouse}: built on {time_text(build['built_at'])} UTC"]
    if build["input"]:
        lines.append(f"from {build['input']}")
    if build["plan"]:
        lines.append(build["plan"])
    if build["git_commit"]:
        lines.append(f"commit {build['git_commit']}")
    if build["duration_ms"] is not None:
        known = {name: build[column] for name, column in STAGES.items() if build[column] is not None}
        stages = ", ".join(f"{name} {seconds_text(time)}" for name, time in known.items())
        lines.append(f"{seconds_text(build['duration_ms'])}{f' ({stages})' if stages else ''}")
    if build["mart_rows"] is not None:
        lines.append(
            f"{build['mart_tables']} tables with {build['mart_rows']:,} rows in marts, "
            f"{build['data_tests']} data tests passed"
        )
    for number, name in ((build["new_races"], "new race"), (build["revised_results"], "revised result")):
        if number:
            lines.append(f"{number:,} {name}{'s' if number > 1 else ''}")
    return "\n  ".join(lines)


def table_text(title: str, rows: Sequence[tuple[str, ...]]) -> str:
    """A title and aligned rows, the first ones; "" if there are none."""
    if not rows:
        return ""
    cells = [[printable(cell) for cell in row] for row in rows[:SHOWN]]
    more = f"\n  and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
    text = tabulate(cells, tablefmt="plain", disable_numparse=True)
    return "\n  ".join([title, *text.splitlines()]) + more


def count_text(count: int | None) -> str:
    """A number of rows; `-` if there is no such table."""
    return "-" if count is None else f"{count:,}"


def seconds_text(milliseconds: int) -> str:
    """A duration in seconds."""
    return f"{milliseconds / 1000:,.1f} s"


def time_text(time: datetime) -> str:
    """A time to the minute."""
    return f"{time:%-d %b %Y, %H:%M}"
