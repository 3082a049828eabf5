"""Compare tables row by row and cell by cell, without a tolerance: of two engines, or of two versions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from pitwall.warehouse.sql import identifier, literal

SCHEMAS = ("marts", "quality")  # the tables that people query
# The type as which a declared type is compared, whatever an engine calls it. An engine exports a decimal with
# all of its digits, or as text.
COMPARED_AS = {
    "integer": "hugeint",
    "bigint": "hugeint",
    "decimal": "decimal(38, 9)",
    "date": "date",
    "timestamp": "timestamp",
    "boolean": "boolean",
    "string": "varchar",
}
EXAMPLES = 3  # rows that are kept of each kind of difference
# Numbers the rows of a key, so that each has a partner even if the key repeats; sorting for it takes seconds.
TWIN = "_twin"

Cells = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """A row that differs.

    Args:
        number: its place in the order of the keys of all rows that differ.
        was, now: its cells by column, in both tables; None where there is no such row.
    """

    number: int
    was: Cells | None
    now: Cells | None

    @property
    def cells(self) -> Cells:
        """The cells of the table that has the row, the second one if both have it."""
        return self.now if self.now is not None else self.was or {}


@dataclass(frozen=True)
class Difference:
    """How two tables differ.

    Args:
        added, removed, changed: how many rows only the second table has, only the first, and both with
            other cells.
        columns: in how many of the changed rows a column differs; only the columns that do.
        added_rows, removed_rows: the first of them.
        changed_rows: the first changed rows of each of these columns.
    """

    added: int = 0
    removed: int = 0
    changed: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    added_rows: list[Row] = field(default_factory=list)
    removed_rows: list[Row] = field(default_factory=list)
    changed_rows: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows differ."""
        return self.added + self.removed + self.changed

    @property
    def first(self) -> Row:
        """The first row that differs, in the order of the keys."""
        changed = [row for rows in self.changed_rows.values() for row in rows]
        return min([*self.added_rows, *self.removed_rows, *changed], key=lambda row: row.number)


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """The columns of a table with their types, in order."""
    described = connection.execute(f"describe select * from {relation}").fetchall()
    return {row[0]: row[1] for row in described}


def count_rows(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    """The number of rows of a table."""
    [(count,)] = connection.execute(f"select count(*) from {relation}").fetchall()
    return int(count)


def compare_rows(
    connection: duckdb.DuckDBPyConnection, was: str, now: str, columns: Mapping[str, str], key: Sequence[str]
) -> Difference:
    """Compare the rows of two tables, which are paired by a key.

    Args:
        was, now: the tables, as SQL writes them.
        columns: the columns to compare, each with the type as which it is compared.
        key: the columns of the key, which are among them.
    """
    chosen = ", ".join(
        f"cast({identifier(name)} as {kind}) as {identifier(name)}" for name, kind in columns.items()
    )
    keys, names = ", ".join(map(identifier, key)), [*map(identifier, columns)]
    for side, relation in (("was", was), ("now", now)):
        rows = f"(select {chosen} from {relation})"
        repeated = f"select exists (select 1 from {rows} group by {keys} having count(*) > 1)"
        [(repeats,)] = connection.execute(repeated).fetchall()
        twin = f"row_number() over (partition by {keys} order by {', '.join(names)})" if repeats else "1"
        connection.execute(f"create or replace temp view {side} as select *, {twin} as {TWIN} from {rows}")
    paired = [*map(identifier, key), TWIN]
    same_key = " and ".join(f"was.{name} is not distinct from now.{name}" for name in paired)
    differs = " or ".join(f"was.{name} is distinct from now.{name}" for name in [*names, TWIN])
    order = ", ".join(f"coalesce(was.{name}, now.{name})" for name in paired)
    cells = ", ".join(
        f"{side}.{name} as {identifier(f'{side} {column}')}"
        for side in ("was", "now")
        for column, name in zip([*columns, TWIN], [*names, TWIN], strict=True)
    )
    connection.execute(
        f"create or replace temp table differing as select row_number() over (order by {order}) as number, "
        f"{cells} from was full join now on {same_key} where {differs}"
    )
    only_was, only_now = f'"now {TWIN}" is null', f'"was {TWIN}" is null'
    changed = {
        column: f"not ({only_was} or {only_now}) and "
        f"{identifier(f'was {column}')} is distinct from {identifier(f'now {column}')}"
        for column in columns
    }
    conditions = [only_now, only_was, f"not ({only_was} or {only_now})", *changed.values()]
    counts = ", ".join(f"count(*) filter (where {condition})" for condition in conditions)
    [(n_added, n_removed, n_changed, *n_columns)] = connection.execute(
        f"select {counts} from differing"
    ).fetchall()
    found = {column: count for column, count in zip(columns, n_columns, strict=True) if count}

    def first_rows(condition: str) -> list[Row]:
        query = f"from differing where {condition} order by number limit {EXAMPLES}"
        return [_row(cells, [*columns]) for cells in connection.execute(query).fetchall()]

    return Difference(
        n_added,
        n_removed,
        n_changed,
        found,
        first_rows(only_now) if n_added else [],
        first_rows(only_was) if n_removed else [],
        {column: first_rows(changed[column]) for column in found},
    )


def _row(cells: tuple[Any, ...], columns: list[str]) -> Row:
    """A row of the temporary table: its number, the cells and the twin of one table, then of the other."""
    number, *rest = cells
    sides = rest[: len(columns) + 1], rest[len(columns) + 1 :]
    was, now = (None if twin is None else dict(zip(columns, side, strict=True)) for *side, twin in sides)
    return Row(number, was, now)


@dataclass(frozen=True)
class Mart:
    """A table to compare: its columns with the types as which they are compared, and its primary key."""

    schema: str
    name: str
    columns: dict[str, str]
    key: list[str]
    is_history: bool


@dataclass(frozen=True)
class Result:
    """How one table of two engines compares: in a word, with the first difference in full, if any."""

    word: str
    difference: str = ""


@dataclass(frozen=True)
class Export:
    """What an engine wrote: `schema/table/*.parquet` in a folder."""

    engine: str
    folder: Path
    marts: list[Mart]

    def has(self, schema: str, table: str) -> bool:
        """Whether the table was written."""
        return any((self.folder / schema / table).glob("*.parquet"))

    def relation(self, schema: str, table: str) -> str:
        """The table as a relation of DuckDB's SQL."""
        return f"read_parquet({literal(self.folder / schema / table / '*.parquet')})"

    def columns(self, schema: str, table: str) -> list[str]:
        """The columns of a table, in order. A table that is missing has none."""
        if not self.has(schema, table):
            return []
        with duckdb.connect() as connection:
            return [*columns_of(connection, self.relation(schema, table))]

    def count(self, schema: str, table: str) -> int:
        """The number of rows of a table."""
        with duckdb.connect() as connection:
            return count_rows(connection, self.relation(schema, table))


def contracted(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The models of marts and quality in dbt's manifest. All of them have an enforced contract."""
    for node in manifest["nodes"].values():
        if (
            node["resource_type"] == "model"
            and node["config"]["contract"]["enforced"]
            and node["config"]["schema"] in SCHEMAS
        ):
            yield node


def read_marts(manifest_file: Path) -> list[Mart]:
    """The tables to compare, as dbt's manifest describes them."""
    manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
    marts = []
    for node in contracted(manifest):
        is_history = any(
            parent.startswith("snapshot.") for parent in manifest["parent_map"][node["unique_id"]]
        )
        columns = {
            name: COMPARED_AS[column["data_type"].partition("(")[0]]
            for name, column in node["columns"].items()
        }
        if is_history:  # each engine saw a revision at another time
            columns = {name: kind for name, kind in columns.items() if kind != "timestamp"}
        key = [name for name in primary_key(node) if name in columns]
        marts.append(Mart(node["config"]["schema"], node["alias"], columns, key, is_history))
    return sorted(marts, key=lambda mart: (mart.schema, mart.name))


def primary_key(node: dict[str, Any]) -> list[str]:
    """The columns of the primary key constraint, which is on the model or on its columns."""
    for constraint in node["constraints"]:
        if constraint["type"] == "primary_key":
            return list(constraint["columns"])
    return [
        name
        for name, column in node["columns"].items()
        if any(constraint["type"] == "primary_key" for constraint in column["constraints"])
    ]


def compare_mart(mart: Mart, reference: Export, other: Export) -> Result:
    """Compare one mart, unless the other engine did not build it or has another history."""
    if (mart.schema, mart.name) not in [(each.schema, each.name) for each in other.marts]:
        return Result("not built there")
    if mart.is_history and not has_same_history(reference, other):
        return Result("history of its own")
    return compare(mart, reference, other)


def compare(mart: Mart, reference: Export, other: Export) -> Result:
    """Compare one table of two engines."""
    wanted, found = reference.columns(mart.schema, mart.name), other.columns(mart.schema, mart.name)
    if not found:
        return Result("missing", "there is no such table")
    if wanted != found:
        odd = [name for name in wanted + found if (name in wanted) != (name in found)]
        return Result("columns", f"columns {', '.join(odd)}" if odd else "columns in another order")
    one, two = (export.relation(mart.schema, mart.name) for export in (reference, other))
    with duckdb.connect() as connection:
        difference = compare_rows(connection, one, two, mart.columns, mart.key)
    if not difference.rows:
        return Result("identical")
    word = f"{difference.rows:,} row{'s' if difference.rows > 1 else ''}"
    return Result(word, describe(difference.first, mart.key, reference.engine, other.engine))


def describe(row: Row, key: list[str], one: str, two: str) -> str:
    """Describe a row that differs between two engines: its key, and its first cell that is not the same."""
    where = ", ".join(f"{name}={row.cells[name]}" for name in key)
    if row.was is None or row.now is None:
        return f"{where}: only on {two if row.was is None else one}"
    now = row.now
    name, value = next((name, value) for name, value in row.was.items() if value != now[name])
    return f"{where}: {name} is {value} on {one}, {now[name]} on {two}"


def has_same_history(reference: Export, other: Export) -> bool:
    """Whether both engines have the same versions in their snapshots. When they saw them is not compared."""
    for folder in (reference.folder / "snapshots").glob("*"):
        if not other.has("snapshots", folder.name):
            return False
        columns = [
            name for name in reference.columns("snapshots", folder.name) if not name.startswith("dbt_")
        ]
        texts = ", ".join(f"cast({identifier(name)} as varchar)" for name in columns)
        one, two = (
            f"select {texts}, dbt_valid_to is null from {export.relation('snapshots', folder.name)}"
            for export in (reference, other)
        )
        odd = duckdb.execute(f"({one} except all {two}) union all ({two} except all {one}) limit 1")
        if odd.fetchall():
            return False
    return True
