"""What changed in the tables between two versions of the project, as a short page in Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from tabulate import tabulate

from pitwall.command import printable
from pitwall.warehouse.comparison import (
    Difference,
    Row,
    columns_of,
    compare_rows,
    contracted,
    count_rows,
    primary_key,
)
from pitwall.warehouse.sql import identifier, literal

# What a reader knows a row by, where the key has only ids.
NAMES = ("season", "race_name", "driver_name", "constructor_name", "circuit_name", "status")
SHOWN_COLUMNS, SHOWN_TESTS, SHOWN_IN_CELL = 10, 10, 3
LONGEST = 60  # characters of a value
# A model that takes this much longer or shorter is named. Less is chance.
SLOWER_SECONDS, SLOWER_SHARE = 2.0, 0.5


@dataclass(frozen=True)
class Built:
    """A warehouse that dbt built, with its manifest and the results of its last run."""

    warehouse: Path
    manifest: dict[str, Any]
    results: dict[str, Any]


@dataclass(frozen=True)
class TableChange:
    """How one table differs.

    Args:
        name: with its schema.
        rows: how many it has in the base and in the head; None where it does not exist.
        key: the columns by which rows are paired.
        structure: what changed of its columns and its key, each in a few words and as a sentence.
    """

    name: str
    rows: tuple[int | None, int | None]
    key: Sequence[str] = ()
    structure: list[tuple[str, str]] = field(default_factory=list)
    difference: Difference = field(default_factory=Difference)

    @property
    def is_same(self) -> bool:
        """Whether both versions have the table, with the same columns and rows."""
        return not (None in self.rows or self.structure or self.difference.rows)


@dataclass(frozen=True)
class Comparison:
    """What two builds have in common, and what not.

    Args:
        tables: how many tables both versions have, and those that differ.
        built: how many models, seeds and snapshots dbt built in the head, and how many there are.
        tests: the names of the tests that only the base has, and only the head.
        timings: the seconds of what was built in the head, by name: in the base, in the head.
    """

    tables: int
    changes: list[TableChange]
    built: tuple[int, int]
    tests: tuple[list[str], list[str]]
    timings: dict[str, tuple[float, float]]


def compare_warehouses(base: Built, head: Built) -> Comparison:
    """Compare two warehouses, of which the head started as a copy of the base."""
    was, now = ({node["unique_id"]: node for node in contracted(each.manifest)} for each in (base, head))
    was_seconds, now_seconds = seconds_of(base.results), seconds_of(head.results)
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(base.warehouse)} as base (read_only)")
        connection.execute(f"attach {literal(head.warehouse)} as head (read_only)")
        changes = [
            # What dbt did not build again is as it was copied.
            compare_table(connection, was.get(name), now.get(name))
            for name in sorted(was.keys() | now.keys(), key=lambda name: name.split(".")[-1])
            if name in now_seconds or name not in now
        ]
    return Comparison(
        tables=len(was.keys() & now.keys()),
        changes=[change for change in changes if not change.is_same],
        built=(len(now_seconds), count_buildable(head.manifest)),
        tests=(tests_only_in(base.manifest, head.manifest), tests_only_in(head.manifest, base.manifest)),
        timings={
            name.split(".")[-1]: (was_seconds[name], now_seconds[name])
            for name in now_seconds
            if name in was_seconds
        },
    )


def compare_table(
    connection: duckdb.DuckDBPyConnection, was: dict[str, Any] | None, now: dict[str, Any] | None
) -> TableChange:
    """Compare a table of both warehouses, which are attached as `base` and `head`.

    Args:
        was, now: the model in dbt's manifests; None where there is none.
    """
    node = now or was or {}
    name = f"{node['config']['schema']}.{node['alias']}"
    base, head = (
        f"{side}.{node['config']['schema']}.{identifier(node['alias'])}" for side in ("base", "head")
    )
    rows = count_rows(connection, base) if was else None, count_rows(connection, head) if now else None
    if was is None or now is None:
        return TableChange(name, rows)
    was_columns, now_columns = columns_of(connection, base), columns_of(connection, head)
    both = {
        column: common_type(was_columns[column], kind)
        for column, kind in now_columns.items()
        if column in was_columns
    }
    was_key, now_key = primary_key(was), primary_key(now)
    structure = [
        *(
            (f"new: `{column}`", f"New column `{column}`, {kind}.")
            for column, kind in now_columns.items()
            if column not in both
        ),
        *(
            (f"gone: `{column}`", f"Column `{column}`, {kind}, is gone.")
            for column, kind in was_columns.items()
            if column not in both
        ),
        *(
            (
                f"type: `{column}`",
                f"Column `{column}` is {now_columns[column]}; it was {was_columns[column]}.",
            )
            for column in both
            if was_columns[column] != now_columns[column]
        ),
    ]
    if [column for column in was_columns if column in both] != [*both]:
        structure.append(("order", "The columns are in another order."))
    if was_key != now_key:
        structure.append(("key", f"The primary key is {listed(now_key)}; it was {listed(was_key)}."))
    # If neither key is in both tables, a row that changed is one that is gone and a new one.
    key = next((key for key in (now_key, was_key) if key and both.keys() >= set(key)), [*both])
    return TableChange(name, rows, key, structure, compare_rows(connection, base, head, both, key))


def common_type(was: str, now: str) -> str:
    """The type as which a column is compared whose type may have changed."""
    if was == now:
        return now
    numbers = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL")
    return "decimal(38, 9)" if was.startswith(numbers) and now.startswith(numbers) else "varchar"


def seconds_of(results: dict[str, Any]) -> dict[str, float]:
    """How long dbt took for each model, seed and snapshot that it built, by unique id."""
    return {each["unique_id"]: each["execution_time"] for each in results["results"]}


def count_buildable(manifest: dict[str, Any]) -> int:
    """How many models, seeds and snapshots there are."""
    return sum(node["resource_type"] in ("model", "seed", "snapshot") for node in manifest["nodes"].values())


def tests_only_in(manifest: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The names of the data tests and unit tests that the other manifest does not have."""

    def tests(each: dict[str, Any]) -> dict[str, str]:
        data = [node for node in each["nodes"].values() if node["resource_type"] == "test"]
        return {test["unique_id"]: test["name"] for test in [*data, *each["unit_tests"].values()]}

    there = tests(other)
    return sorted(name for test, name in tests(manifest).items() if test not in there)


# The page


def render(base: str, head: str, data: str, comparison: Comparison, notes: Iterable[str]) -> str:
    """The page.

    Args:
        base, head: what was compared.
        data: what the data are.
        notes: what a reader has to know, a sentence each.
    """
    lines = [*head_lines(base, head, data), "", summary(comparison)]
    changes = comparison.changes
    if changes:
        lines += ["", overview(changes)]
        for change in changes:
            lines += ["", f"## {change.name}", "", *details(change)]
    lines += ["", "## Tests and time", ""]
    removed, added = comparison.tests
    lines += [
        f"- {tests_line(names, word)}" for names, word in ((added, "added"), (removed, "removed")) if names
    ]
    if not (added or removed):
        lines.append("- No test was added or removed.")
    built, total = comparison.built
    shared = "; the rest are shared" if built < total else ""
    lines.append(f"- dbt built {built} of {total} models, seeds and snapshots again{shared}.")
    lines += [f"- {line}" for line in time_lines(comparison.timings)]
    return "\n".join([*lines, *note_lines(notes)]) + "\n"


def render_same(base: str, head: str, data: str, notes: Iterable[str]) -> str:
    """The page if both versions have the same code."""
    same = "**No differences:** both have the same code of the warehouse, so neither was built."
    return "\n".join([*head_lines(base, head, data), "", same, *note_lines(notes)]) + "\n"


def head_lines(base: str, head: str, data: str) -> list[str]:
    """The title, and what was compared."""
    return ["# What changed in the data", "", f"- Base: {base}", f"- Head: {head}", f"- Data: {data}"]


def note_lines(notes: Iterable[str]) -> list[str]:
    """The notes at the end."""
    return [line for note in notes for line in ("", f"Note: {note}")]


def summary(comparison: Comparison) -> str:
    """How many tables differ, in a line."""
    if not comparison.changes:
        return f"**No differences** in {comparison.tables} table{'' if comparison.tables == 1 else 's'}."
    verb = "differs" if len(comparison.changes) == 1 else "differ"
    total = comparison.tables + sum(None in change.rows for change in comparison.changes)
    return f"**{len(comparison.changes)} of {total} tables {verb}.**"


def overview(changes: list[TableChange]) -> str:
    """A table with a line for each table that differs."""
    lines = [
        [
            f"`{change.name}`",
            next(rows for rows in (*change.rows[::-1], 0) if rows is not None),
            change.difference.added,
            change.difference.removed,
            change.difference.changed,
            remark(change),
        ]
        for change in changes
    ]
    headers = ["table", "rows", "added", "removed", "changed", "columns"]
    return str(tabulate(lines, headers, tablefmt="github", intfmt=","))


def remark(change: TableChange) -> str:
    """What changed of the columns, in a cell."""
    if change.rows[0] is None:
        return "new table"
    if change.rows[1] is None:
        return "the table is gone"
    words = [*(f"`{name}`" for name in change.difference.columns), *(short for short, _ in change.structure)]
    more = f" and {len(words) - SHOWN_IN_CELL} more" if len(words) > SHOWN_IN_CELL else ""
    return ", ".join(words[:SHOWN_IN_CELL]) + more


def details(change: TableChange) -> list[str]:
    """What differs in one table, as a list."""
    was, now = change.rows
    if was is None or now is None:
        state = (
            f"New table with {counted(now or 0)}."
            if was is None
            else f"The table, with {counted(was or 0)}, is gone."
        )
        return [f"- {state}"]
    difference, key = change.difference, change.key
    lines = [f"- {sentence}" for _, sentence in change.structure]
    for rows, count, state in (
        (difference.added_rows, difference.added, "added"),
        (difference.removed_rows, difference.removed, "removed"),
    ):
        if count:
            lines.append(f"- {counted(count)} {state}{first_of(rows, count)}")
            lines += [f"  - {where(row, key)}" for row in rows]
    for column in [*difference.columns][:SHOWN_COLUMNS]:
        count, rows = difference.columns[column], difference.changed_rows[column]
        lines.append(f"- `{column}` changed in {counted(count)}{first_of(rows, count)}")
        lines += [f"  - {where(row, key)}: {change_of(row, column)}" for row in rows]
    rest = [*difference.columns][SHOWN_COLUMNS:]
    if rest:
        lines.append(
            f"- Also changed: {', '.join(f'`{name}` ({difference.columns[name]:,})' for name in rest)}."
        )
    return lines


def counted(rows: int) -> str:
    """A number of rows."""
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def first_of(rows: list[Row], count: int) -> str:
    """How a list of examples begins."""
    return f", the first {len(rows)}:" if count > len(rows) else ":"


def where(row: Row, key: Sequence[str]) -> str:
    """Which row it is: its key, and names for a reader if the table has them."""
    cells = row.cells
    keys = ", ".join(f"{name} {shown(cells[name])}" for name in key)
    names = ", ".join(
        plain(cells[name]) for name in NAMES if name not in key and cells.get(name) not in (None, "")
    )
    return f"{keys} ({names})" if names else keys


def change_of(row: Row, column: str) -> str:
    """A cell before and after."""
    was, now = row.was or {}, row.now or {}
    return f"{shown(was[column])} → {shown(now[column])}"


def plain(value: Any) -> str:
    """A value as text in one line; too long a text is cut."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    text = printable(str(value))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def shown(value: Any) -> str:
    """A value as code in Markdown, so that no character of it means something else."""
    return (
        "NULL"
        if value is None
        else f"`{plain(value).replace('`', chr(39))}`"
        if value != ""
        else "an empty text"
    )


def listed(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return ", ".join(f"`{name}`" for name in names) or "none"


def tests_line(names: list[str], word: str) -> str:
    """The tests that were added, or removed."""
    more = f" and {len(names) - SHOWN_TESTS} more" if len(names) > SHOWN_TESTS else ""
    kind = "test" if len(names) == 1 else "tests"
    return f"{len(names)} {kind} {word}: {listed(names[:SHOWN_TESTS])}{more}."


def time_lines(timings: dict[str, tuple[float, float]]) -> list[str]:
    """How long dbt took for what it built in both versions, and which model is slower or faster."""
    if not timings:
        return []
    was, now = (sum(each[side] for each in timings.values()) for side in (0, 1))
    lines = [f"What was built in both took {was:.1f} s in the base, {now:.1f} s in the head."]
    for name, (before, after) in sorted(timings.items(), key=lambda item: -abs(item[1][1] - item[1][0])):
        if abs(after - before) >= max(SLOWER_SECONDS, SLOWER_SHARE * before):
            word = "slower" if after > before else "faster"
            lines.append(f"`{name}` is {word}: {before:.1f} s → {after:.1f} s.")
    return lines[:4]
