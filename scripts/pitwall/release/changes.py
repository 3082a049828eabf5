"""What changed since the last release: the rows of each table, new races, revised results."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from pitwall.command import PlainError
from pitwall.raw.origin import SIMULATED_URL
from pitwall.release.tables import Table
from pitwall.warehouse import comparison
from pitwall.warehouse.comparison import compare_rows, count_rows
from pitwall.warehouse.sql import glob_pattern, literal

# The tables of results, each with its session and its primary key.
SESSIONS = {"fct_race_results": ("race", "result_id"), "fct_sprint_results": ("sprint", "sprint_result_id")}
# What can be revised of a result. The position is text, because it can be R or D.
REVISED = ("points", "position_text")


@dataclass(frozen=True)
class TableChange:
    """How a table differs from that of the last release. None where it was not compared."""

    name: str
    rows: int
    added: int | None = None
    removed: int | None = None
    changed: int | None = None
    remark: str = ""

    @property
    def counts(self) -> tuple[int | None, ...]:
        """All numbers of rows."""
        return self.rows, self.added, self.removed, self.changed

    @property
    def is_same(self) -> bool:
        """Whether it has the same rows and columns."""
        return not (self.added or self.removed or self.changed or self.remark)


@dataclass(frozen=True)
class Changes:
    """What changed since the last release.

    Args:
        last: the name of the last release; "" if there is none.
        tables: how each table differs.
        why_not: why the last release was not compared; "" if it was.
        removed: the tables that are no longer there.
        races: the new races.
        revised: the race, the session, the driver, what was revised, and both values.
    """

    last: str
    tables: list[TableChange]
    why_not: str = ""
    removed: list[str] = field(default_factory=list)
    races: list[str] = field(default_factory=list)
    revised: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def is_compared(self) -> bool:
        """Whether there is a last release of the same championship."""
        return bool(self.last) and not self.why_not

    @property
    def is_nothing(self) -> bool:
        """Whether the last release has the same rows in the same tables."""
        return self.is_compared and not self.removed and all(table.is_same for table in self.tables)


def find_changes(tables: Sequence[Table], new: Path, last: Path | None) -> Changes:
    """Compare the Parquet files of a release with those of the last one.

    Args:
        tables: the tables of the release.
        new: the folder of the release.
        last: the folder of the last one, if any.
    """
    with duckdb.connect() as connection:
        rows = {table.name: count(connection, new, table.name) for table in tables}
        uncompared = [TableChange(table.name, rows[table.name]) for table in tables]
        if last is None:
            return Changes("", uncompared)
        if is_simulated(connection, new) != is_simulated(connection, last):
            why_not = "One of the two has real results, the other has a simulated championship."
            return Changes(last.name, uncompared, why_not)
        names = {path.stem for path in last.glob("*.parquet")}
        return Changes(
            last.name,
            [change(connection, table, rows[table.name], new, last) for table in tables],
            removed=sorted(names - rows.keys()),
            races=new_races(connection, new, last),
            revised=revised_results(connection, new, last),
        )


def check_release(folder: Path) -> None:
    """Raise PlainError if a folder has no files to compare with."""
    for name in ("dim_races", "dim_seasons"):
        if not (folder / f"{name}.parquet").is_file():
            raise PlainError(f"{folder}: is no release, because it has no {name}.parquet")


def relation(folder: Path, name: str) -> str:
    """A table of a release, as SQL writes it."""
    return f"read_parquet({literal(glob_pattern(folder / f'{name}.parquet'))})"


def columns_of(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> dict[str, str]:
    """The columns of a table of a release, with their types. A table that is missing has none."""
    if not (folder / f"{name}.parquet").is_file():
        return {}
    return comparison.columns_of(connection, relation(folder, name))


def count(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> int:
    """The number of rows of a table."""
    return count_rows(connection, relation(folder, name))


def is_simulated(connection: duckdb.DuckDBPyConnection, folder: Path) -> bool:
    """Whether the seasons of a release are simulated."""
    [(simulated,)] = connection.execute(
        f"select coalesce(bool_and(wikipedia_url like '%{SIMULATED_URL}%'), false) "
        f"from {relation(folder, 'dim_seasons')}"
    ).fetchall()
    return bool(simulated)


def change(
    connection: duckdb.DuckDBPyConnection, table: Table, rows: int, new: Path, last: Path
) -> TableChange:
    """Compare one table: its rows are paired by the primary key."""
    now, was = columns_of(connection, new, table.name), columns_of(connection, last, table.name)
    if not was:
        return TableChange(table.name, rows, remark="new table")
    remark = ", ".join(
        [f"new column `{name}`" for name in now if name not in was]
        + [f"without `{name}`" for name in was if name not in now]
        + [f"other type of `{name}`" for name in now if name in was and now[name] != was[name]]
    )
    if any(name not in was for name in table.key):
        return TableChange(table.name, rows, remark=f"{remark}; other primary key, so rows are not compared")
    # A column of another type is in the remark, unless it is of the key.
    compared = {name: kind for name, kind in now.items() if was.get(name) == kind or name in table.key}
    difference = compare_rows(
        connection, relation(last, table.name), relation(new, table.name), compared, table.key
    )
    return TableChange(table.name, rows, difference.added, difference.removed, difference.changed, remark)


def new_races(connection: duckdb.DuckDBPyConnection, new: Path, last: Path) -> list[str]:
    """The held races that were not held in the last release, oldest first."""
    held = f"select race_id from {relation(last, 'dim_races')} where is_held"
    rows = connection.execute(
        f"select season || ' ' || race_name from {relation(new, 'dim_races')} "
        f"where is_held and race_id not in ({held}) order by race_date, race_id"
    )
    return [race for (race,) in rows.fetchall()]


def revised_results(connection: duckdb.DuckDBPyConnection, new: Path, last: Path) -> list[tuple[str, ...]]:
    """Results that differ, of sessions that both releases have: values, or a result that came or went."""
    found: list[tuple[str, ...]] = []
    for name, (session, key) in SESSIONS.items():
        was = columns_of(connection, last, name)
        if not {key, *REVISED} <= was.keys():
            continue
        now, before = relation(new, name), relation(last, name)
        values = ", ".join(
            f"cast(last.{column} as varchar), cast(new.{column} as varchar)" for column in REVISED
        )
        differs = " or ".join(f"new.{column} is distinct from last.{column}" for column in (key, *REVISED))
        race = "coalesce(new.race_id, last.race_id)"
        rows = connection.execute(
            "select races.season || ' ' || races.race_name, coalesce(new.driver_name, last.driver_name), "
            f"last.{key}, new.{key}, {values} "
            f"from {now} as new full join {before} as last on new.{key} = last.{key} "
            f"inner join {relation(new, 'dim_races')} as races on races.race_id = {race} "
            f"where ({differs}) and {race} in "
            f"(select race_id from {now} intersect select race_id from {before}) "
            f"order by races.race_date, races.race_id, coalesce(new.{key}, last.{key})"
        ).fetchall()
        found += [each for row in rows for each in revisions(session, row)]
    return found


def revisions(session: str, row: tuple[Any, ...]) -> list[tuple[str, ...]]:
    """What differs in one result: a line for each value, or one for a result that came or went."""
    race, driver, was_id, now_id, *values = row
    if was_id is None or now_id is None:
        states = ("no result", "a result")
        return [(race, session, driver, "result", *(states if was_id is None else states[::-1]))]
    return [
        (race, session, driver, column, was or "NULL", now or "NULL")
        for column, was, now in zip(REVISED, values[::2], values[1::2], strict=True)
        if was != now
    ]
