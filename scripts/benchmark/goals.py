"""The goals of the benchmark. None is asserted: the page says whether it is reached, or what limits it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
PANDAS = ("pandas", "pandas_pyarrow")
PYARROW = ("pyarrow", "pyarrow_stream")
CAREFUL, TYPICAL = "careful pandas", "typical pandas"
WITH_TESTS, SQL_ALONE = "dbt build, tests included", "the SQL alone"
TEN_MILLION = 10_000_000


@dataclass(frozen=True)
class Goal:
    """A measure, and its goal: at least or at most `bound`. A ratio has no unit."""

    what: str
    measured: float  # infinite if it failed
    bound: float
    at_least: bool = True
    unit: str = ""
    limit: str = ""  # why it is not reached, if it is not: what was tried

    @property
    def reached(self) -> bool:
        """Whether the measure meets the goal."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


# Why a goal may be missed, and what was tried. The page shows a text only if its goal is missed, so none says
# by how much.
CHECKS = (
    "It does work that the rivals leave out: a SHA-256 of both files, a second count by another reader, the "
    "check of all keys, a checksum of every race, and reading back what was written. Tried: a lower level of "
    "zstd, counting in a second thread, keys by a bitmap, fewer scans. Both cores are busy all the time."
)
SQL_SPEED = (
    "The loops of pandas are in C, as DuckDB's are. The program computes nothing else and checks nothing. "
    "Tried: no index on the lap tables, narrower windows, one aggregate per lap, other sizes of blocks, no "
    "order of insertion. Most of what remains is writing the columns of the lap tables."
)
DBT_SPEED = (
    "dbt takes some hundredths of a second for each node, and tests read the tables again. Tried: one test "
    "per model instead of one per column, one thread, no JSON files."
)
SQL_MEMORY = (
    "DuckDB uses the memory that it is given, and spills when it must. Tried: a limit on its memory, which "
    "costs time, and fewer seasons in a block."
)
DBT_MEMORY = (
    "dbt has memory of its own and builds two models at a time. Tried: one thread, and a lower limit on "
    "DuckDB's memory, with which two models at a time ran out of it."
)
SIZE = "The columns of the lap tables are most of the file. Tried: no index on them, sorted inserts."
START = (
    "dbt imports its packages, reads its parse of the project, and takes some hundredths of a second for "
    "each node. Tried: dbt's own selection of what changed, one test per model, and leaving out views that "
    "cannot have changed."
)
FIT = (
    "DuckDB puts rows, joins and sorts on disk, but not the index of a primary key and not all aggregates. "
    "Tried: no index on the lap tables, smaller indexes, blocks of seasons, and a limit on its memory."
)
HISTORY = (
    "Tables that span all seasons are made again, and a commit copies the changed blocks of a larger file. "
    "Tried: replacement by season, tests of the changed seasons only, and baselines that look back less far."
)


def groups(rows: list[Row]) -> dict[str, list[Row]]:
    """The rows of each data set, by the label that the page gives it."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(f"{row['data']}, {row['laps']:,} laps", []).append(row)
    return found


def complete(rows: list[Row], *names: str) -> list[dict[str, Row]]:
    """The data sets in which none of these ways failed, from small to large; each is its ways by name."""
    found = [{row["name"]: row for row in group if not row["failed"]} for group in groups(rows).values()]
    return sorted(
        (ways for ways in found if set(names) <= set(ways)), key=lambda ways: ways[names[0]]["laps"]
    )


def best(ways: dict[str, Row], *names: str, measure: str = "seconds") -> float:
    """The smallest measure of several ways."""
    return min(float(ways[name][measure]) for name in names)


def convert(rows: list[Row]) -> Iterator[Goal]:
    """csv_to_parquet.py against other libraries: speed and memory, and memory with more data."""
    for ways in complete(rows, "pitwall", "duckdb", *PANDAS, *PYARROW)[-1:]:
        ours, most = ways["pitwall"], complete(rows, "pitwall")[-1]["pitwall"]
        for rival, names, bound in (
            ("DuckDB", ["duckdb"], 1),
            ("pyarrow", PYARROW, 0.8),
            ("pandas", PANDAS, 1.8),
        ):
            speed = best(ways, *names) / ours["seconds"]
            yield Goal(f"Convert: speed, {rival} = 1", speed, bound, limit=CHECKS)
        memory = ours["peak_mb"] / best(ways, *PANDAS, measure="peak_mb")
        yield Goal("Convert: memory, pandas = 1", memory, 0.25, at_least=False, limit=CHECKS)
        if most["laps"] > ours["laps"]:
            growth = most["peak_mb"] / ours["peak_mb"]
            what = f"Convert: memory for {most['data']}, {ours['data']} = 1"
            yield Goal(what, growth, 1.1, at_least=False, limit=CHECKS)


def pipeline(rows: list[Row]) -> Iterator[Goal]:
    """Raw CSVs to seven marts against the careful pandas program: speed, memory, and the size of the file."""
    for ways in complete(rows, CAREFUL, WITH_TESTS, SQL_ALONE)[-1:]:
        rival, where = ways[CAREFUL], f"The whole way at {ways[CAREFUL]['data']}"
        for name, bound, limit in ((SQL_ALONE, 1.3, SQL_SPEED), (WITH_TESTS, 1, DBT_SPEED)):
            speed = rival["seconds"] / ways[name]["seconds"]
            yield Goal(f"{where}, {name}: speed, {CAREFUL} = 1", speed, bound, limit=limit)
        for name, bound, limit in ((SQL_ALONE, 0.25, SQL_MEMORY), (WITH_TESTS, 1 / 3, DBT_MEMORY)):
            memory = ways[name]["peak_mb"] / rival["peak_mb"]
            what = f"{where}, {name}: memory, {CAREFUL} = 1"
            yield Goal(what, memory, bound, at_least=False, limit=limit)
        # The goal is a size, so it is one of ten million laps only.
        if "warehouse_mb" in ways[WITH_TESTS] and rival["laps"] >= TEN_MILLION:
            size = ways[WITH_TESTS]["warehouse_mb"]
            yield Goal(f"{where}: the warehouse", size, 250, at_least=False, unit="MB", limit=SIZE)


def typical(rows: list[Row]) -> Iterator[Goal]:
    """Raw CSVs to seven marts, tests included, against pandas as notebooks use it, at its largest size."""
    for ways in complete(rows, TYPICAL, WITH_TESTS)[-1:]:
        speed = ways[TYPICAL]["seconds"] / ways[WITH_TESTS]["seconds"]
        what = f"The whole way at {ways[TYPICAL]['data']}, {WITH_TESTS}: speed, {TYPICAL} = 1"
        yield Goal(what, speed, 10, limit=DBT_SPEED)


def builds(rows: list[Row]) -> Iterator[Goal]:
    """`make build` in seconds."""
    for group in groups(rows).values():
        ways = {row["name"]: row for row in group}
        for name, bound in (("nothing changed", 1), ("one more race", 8), ("everything", 10)):
            what = f"`make build` on {ways[name]['data']}, {name}"
            yield Goal(what, ways[name]["seconds"], bound, at_least=False, unit="s", limit=START)


def limit(rows: list[Row]) -> Iterator[Goal]:
    """The largest build: that it ends, and its memory."""
    for row in [row for row in rows if row["name"] == "build everything"][-1:]:
        memory = float("inf") if row["failed"] else row["peak_mb"] / 1000
        what = f"`make build` at {row['data']}, {row['laps']:,} laps: memory"
        yield Goal(what, memory, 8, at_least=False, unit="GB", limit=FIT)


def growth(rows: list[Row]) -> Iterator[Goal]:
    """One more race: its SQL against that of less simulated data."""
    few = "build one more race"
    found = complete([row for row in rows if row["data"].endswith("x")], few)
    if len(found) > 1:
        less, more = (ways[few] for ways in (found[0], found[-1]))
        ratio = more["sql_seconds"] / less["sql_seconds"]
        what = f"A new race at {more['data']}: SQL, {less['data']} = 1"
        yield Goal(what, ratio, 1.5, at_least=False, limit=HISTORY)


GOALS = {
    "convert": convert,
    "pipeline": pipeline,
    "typical": typical,
    "builds": builds,
    "limit": limit,
    "growth": growth,
}


def goals(results: dict[str, Any]) -> list[Goal]:
    """The goals of all comparisons that have results."""
    return [goal for name, of in GOALS.items() if name in results for goal in of(results[name]["rows"])]
