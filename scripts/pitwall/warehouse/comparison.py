"""Compare the tables of two engines, cell by cell and without a tolerance."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pitwall.warehouse.sql import identifier, literal

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
    """How one table compares: in a word, with the first difference in full, if any."""

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
        described = duckdb.execute(f"describe select * from {self.relation(schema, table)}")
        return [row[0] for row in described.fetchall()]

    def count(self, schema: str, table: str) -> int:
        """The number of rows of a table."""
        [(count,)] = duckdb.execute(f"select count(*) from {self.relation(schema, table)}").fetchall()
        return int(count)


def read_marts(manifest_file: Path) -> list[Mart]:
    """The models of marts and quality in dbt's manifest. Those of ops differ from build to build."""
    manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
    marts = []
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model" or node["config"]["schema"] not in ("marts", "quality"):
            continue
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
    # Rows are paired by their key. _twin numbers the rows of a key, so that each has a partner even if it
    # repeats.
    key, names = [*mart.key, "_twin"], list(mart.columns)
    for side, export in (("reference", reference), ("other", other)):
        chosen = ", ".join(
            f"cast({identifier(name)} as {kind}) as {identifier(name)}" for name, kind in mart.columns.items()
        )
        duckdb.execute(
            f"create or replace temp table {side} as select *, row_number() over (partition by "
            f"{', '.join(map(identifier, mart.key))} order by {', '.join(map(identifier, names))}) as _twin "
            f"from (select {chosen} from {export.relation(mart.schema, mart.name)})"
        )
    keys, cells = list(map(identifier, key)), list(map(identifier, [*key, *names]))
    same_key = " and ".join(f"reference.{name} is not distinct from other.{name}" for name in keys)
    any_differs = " or ".join(f"reference.{name} is distinct from other.{name}" for name in cells)
    order = ", ".join(f"coalesce(reference.{name}, other.{name})" for name in keys)
    pairs = ", ".join(f"reference.{name}, other.{name}" for name in cells)
    found_rows = duckdb.execute(
        f"select count(*) over () as differing, {pairs} "
        f"from reference full join other on {same_key} where {any_differs} order by {order} limit 1"
    ).fetchall()
    return (
        first_difference(found_rows[0], key, names, reference, other) if found_rows else Result("identical")
    )


def first_difference(
    row: tuple[Any, ...], key: list[str], names: list[str], reference: Export, other: Export
) -> Result:
    """Describe the first row that differs.

    Args:
        row: how many rows differ, then each column of `key` and `names`, of the reference and of the other.
    """
    differing, *cells = row
    pairs = list(zip([*key, *names], cells[::2], cells[1::2], strict=True))
    twin = len(key) - 1
    only = other if pairs[twin][1] is None else reference if pairs[twin][2] is None else None
    where = ", ".join(f"{name}={was if only is reference else now}" for name, was, now in pairs[:twin])
    word = f"{differing:,} row{'s' if differing > 1 else ''}"
    if only:
        return Result(word, f"{where}: only on {only.engine}")
    cell = next(
        f"{name} is {was} on {reference.engine}, {now} on {other.engine}"
        for name, was, now in pairs[twin + 1 :]
        if was != now
    )
    return Result(word, f"{where}: {cell}")


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
