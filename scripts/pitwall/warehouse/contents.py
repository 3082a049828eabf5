"""What a warehouse has in it: a build checks it before it replaces the last one, and reports what changed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pitwall.command import PlainError
from pitwall.raw.origin import SIMULATED_URL

HISTORY = "race_results_history"  # the snapshot of results; each build copies it from the last warehouse
# The marts that have a row for each row of a raw table.
FACTS = {
    "races": "dim_races",
    "results": "fct_race_results",
    "qualifying": "fct_qualifying_results",
    "sprint_results": "fct_sprint_results",
    "lap_times": "fct_lap_times",
    "pit_stops": "fct_pit_stops",
}
SHOWN = 5  # how many names a line of the report has at most


@dataclass(frozen=True)
class Contents:
    """What a build reports of a warehouse.

    Args:
        rows: the number of rows of each table of marts, by name.
        races: the held races, oldest first, as season and name.
        current: how many results the history has now.
        ended: how many versions of results the history has that are no longer valid.
        is_simulated: whether the seasons are those of scripts/simulate.py; None if there are none.
        quality: the number of rows of each table of quality, by name.
    """

    rows: dict[str, int]
    races: tuple[str, ...] = ()
    current: int = 0
    ended: int = 0
    is_simulated: bool | None = None
    quality: dict[str, int] = field(default_factory=dict)


def read_contents(
    tables: Callable[[str], list[str]],
    query: Callable[[str], list[Any]],
    suffix: str = "",
) -> Contents:
    """Read the contents of a warehouse.

    Args:
        tables: gives the tables of a schema.
        query: gives the rows of a query.
        suffix: what follows the names of the schemas.
    """

    def count_rows(schema: str) -> dict[str, int]:
        names = tables(schema)
        return {name: query(f"select count(*) from {schema}.{name}")[0][0] for name in names}

    marts, quality, snapshots = (f"{schema}{suffix}" for schema in ("marts", "quality", "snapshots"))
    names = count_rows(marts)
    races, current, ended, simulated = [], 0, 0, None
    if "dim_races" in names:
        held = f"select season, race_name from {marts}.dim_races where is_held order by race_date, race_id"
        races = [f"{season} {name}" for season, name in query(held)]
    if HISTORY in tables(snapshots):
        # Without names, both columns would be `count` on PostgreSQL.
        versions = f"select count(*) as versions, count(dbt_valid_to) as ended from {snapshots}.{HISTORY}"
        [(versions_count, ended)] = query(versions)
        current = versions_count - ended
    if "dim_seasons" in names:
        [(seasons, with_url)] = query(
            "select count(*) as seasons, "
            f"count(case when wikipedia_url like '%{SIMULATED_URL}%' then 1 end) as simulated "
            f"from {marts}.dim_seasons"
        )
        simulated = seasons == with_url if seasons else None
    return Contents(names, tuple(races), current, ended, simulated, count_rows(quality))


def check_whole(new: Contents, last: Contents | None, raw: dict[str, int]) -> None:
    """Refuse a new warehouse that lost rows, though all of its tests passed.

    Args:
        new: the new warehouse.
        last: the last warehouse, if there is one with the same history.
        raw: the number of rows of each raw table.

    Raises:
        PlainError: what is missing.
    """
    for table, mart in FACTS.items():
        if mart in new.rows and new.rows[mart] != raw.get(table, new.rows[mart]):
            raise PlainError(
                f"marts.{mart} has {new.rows[mart]:,} rows, but {raw[table]:,} were converted from "
                f"{table}.csv"
            )
    # A revised result has a new version, a deleted one has none.
    if last and new.ended - last.ended > last.current / 2 > new.current:
        raise PlainError(
            f"this build would end {new.ended - last.ended:,} of {last.current:,} results in the history, "
            "as if they had been deleted. If the raw files are right, move the last warehouse away to start "
            "a new history"
        )


def describe_changes(new: Contents, last: Contents) -> list[str]:
    """What changed since the last build, in at most three lines."""
    moved = {
        name: new.rows.get(name, 0) - last.rows.get(name, 0)
        for name in sorted(new.rows.keys() | last.rows.keys())
        if new.rows.get(name) != last.rows.get(name)
    }
    moved = dict(sorted(moved.items(), key=lambda item: -abs(item[1])))
    races = [race for race in new.races if race not in set(last.races)]
    revised = new.ended - last.ended
    lines = []
    if moved:
        lines.append(f"Rows: {shown([f'{name} {count:+,}' for name, count in moved.items()], 'tables')}.")
    if races:
        lines.append(f"New races: {shown(races, 'races')}.")
    if revised > 0:
        results = "1 result" if revised == 1 else f"{revised:,} results"
        lines.append(f"Revised: {results}; marts.fct_result_revisions has both values.")
    return lines or ["No table has more or fewer rows, and no result was revised."]


def shown(names: list[str], kind: str) -> str:
    """The first names, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more {kind}" if more > 0 else "")
