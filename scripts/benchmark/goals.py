"""The goals of the benchmark. None is asserted: the page says whether it is reached."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
PANDAS = ("pandas", "pandas_pyarrow")
PYARROW = ("pyarrow", "pyarrow_stream")
ASKED = ("warehouse", "duckdb_parquet", "polars_parquet")


@dataclass(frozen=True)
class Goal:
    """A measured ratio, and its goal: at least or at most `bound`."""

    what: str
    ratio: float
    bound: float
    at_least: bool = True

    @property
    def reached(self) -> bool:
        """Whether the ratio meets the goal."""
        return self.ratio >= self.bound if self.at_least else self.ratio <= self.bound


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
            ("pyarrow", PYARROW, 1),
            ("pandas", PANDAS, 3),
        ):
            yield Goal(f"Convert: speed, {rival} = 1", best(ways, *names) / ours["seconds"], bound)
        memory = ours["peak_mb"] / best(ways, *PANDAS, measure="peak_mb")
        yield Goal("Convert: memory, pandas = 1", memory, 0.25, at_least=False)
        if most["laps"] > ours["laps"]:
            growth = most["peak_mb"] / ours["peak_mb"]
            yield Goal(f"Convert: memory for {most['data']}, {ours['data']} = 1", growth, 1.1, at_least=False)


def question(rows: list[Row]) -> Iterator[Goal]:
    """A question to the warehouse against pandas: speed."""
    for ways in complete(rows, *ASKED, *PANDAS)[-1:]:
        yield Goal("The question: speed, pandas = 1", best(ways, *PANDAS) / best(ways, *ASKED), 10)


def pipeline(rows: list[Row]) -> Iterator[Goal]:
    """Raw CSVs to seven marts against pandas: speed and memory."""
    way = "dbt build, models alone"
    for ways in complete(rows, "pandas", way)[-1:]:
        rival, ours = ways["pandas"], ways[way]
        yield Goal("The whole way: speed, pandas = 1", rival["seconds"] / ours["seconds"], 10)
        memory = ours["peak_mb"] / rival["peak_mb"]
        yield Goal("The whole way: memory, pandas = 1", memory, 0.25, at_least=False)


def dbt(rows: list[Row]) -> Iterator[Goal]:
    """`make build` against its SQL alone: time."""
    way, sql = "make build, once set up", "the same SQL, straight"
    for ways in complete(rows, way, sql)[:1]:
        cost = ways[way]["seconds"] / ways[sql]["seconds"]
        yield Goal(f"`make build` on {ways[way]['data']}: time, its SQL = 1", cost, 5, at_least=False)


def growth(rows: list[Row]) -> Iterator[Goal]:
    """One more race: its SQL against that of a full build, and against that of less data."""
    few, full = "build one more race", "build everything"
    found = complete(rows, few, full)
    for ways in found[-1:]:
        share = ways[few]["sql_seconds"] / ways[full]["sql_seconds"]
        yield Goal(f"A new race at {ways[few]['data']}: SQL, a full build = 1", share, 0.15, at_least=False)
    if len(found) > 1:
        less, more = (ways[few] for ways in (found[0], found[-1]))
        growth = more["sql_seconds"] / less["sql_seconds"]
        yield Goal(f"A new race at {more['data']}: SQL, {less['data']} = 1", growth, 1, at_least=False)


GOALS = {"convert": convert, "question": question, "pipeline": pipeline, "dbt": dbt, "growth": growth}


def goals(results: dict[str, Any]) -> list[Goal]:
    """The goals of all comparisons that have results."""
    return [goal for name, of in GOALS.items() if name in results for goal in of(results[name]["rows"])]
