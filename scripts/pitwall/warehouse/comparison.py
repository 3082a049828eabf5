"""Compare the tables that two engines built, cell by cell and without a tolerance."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

# All that an engine may call a type of the declared family; decimals come with all their digits, or as text.
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
    """A table to compare: its columns with the type that they are compared as, and its primary key."""

    schema: str
    name: str
    columns: dict[str, str]
    key: list[str]
    is_history: bool


@dataclass(frozen=True)
class Result:
    """What came of one table on one engine: in a word, and the first difference in full."""

    word: str
    difference: str = ""


@dataclass(frozen=True)
class Export:
    """What an engine wrote: `schema/table/*.parquet` in a folder."""

    engine: str
    folder: Path
    marts: list[Mart]

    def has(self, schema: str, table: str) -> bool:
        """Whether the table is there."""
        return any((self.folder / schema / table).glob("*.parquet"))

    def rows(self, schema: str, table: str) -> str:
        """A table as DuckDB reads it."""
        place = str(self.folder / schema / table / "*.parquet").replace("'", "''")
        return f"read_parquet('{place}')"

    def columns(self, schema: str, table: str) -> list[str]:
        """The columns of a table, in order; none if it is missing."""
        if not self.has(schema, table):
            return []
        described = duckdb.sql(f"describe select * from {self.rows(schema, table)}")
        return [row[0] for row in described.fetchall()]


def read_marts(manifest_file: Path) -> list[Mart]:
    """The models of marts and quality as dbt's manifest declares them."""
    manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
    marts = []
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model" or not node["config"]["contract"]["enforced"]:
            continue
        is_history = any(
            parent.startswith("snapshot.") for parent in manifest["parent_map"][node["unique_id"]]
        )
        columns = {
            name: COMPARED_AS[column["data_type"].partition("(")[0]]
            for name, column in node["columns"].items()
        }
        if is_history:
            columns = {name: kind for name, kind in columns.items() if kind != "timestamp"}
        key = [name for name in primary_key(node) if name in columns]
        marts.append(Mart(node["config"]["schema"], node["alias"], columns, key, is_history))
    return sorted(marts, key=lambda mart: (mart.schema, mart.name))


def primary_key(node: dict[str, Any]) -> list[str]:
    """The columns of the primary key constraint, on the model or on one of its columns."""
    for constraint in node["constraints"]:
        if constraint["type"] == "primary_key":
            return constraint["columns"]
    return [
        name
        for name, column in node["columns"].items()
        if any(each["type"] == "primary_key" for each in column["constraints"])
    ]


def compare(mart: Mart, measure: Export, other: Export) -> Result:
    """Compare one table of two engines."""
    there, here = measure.columns(mart.schema, mart.name), other.columns(mart.schema, mart.name)
    if not here:
        return Result("missing", "there is no such table")
    if there != here:
        odd = [name for name in there + here if (name in there) != (name in here)]
        return Result("columns", f"columns {', '.join(odd)}" if odd else "columns in another order")
    key, names = [*mart.key, "_twin"], list(mart.columns)
    for side, export in (("measure", measure), ("other", other)):
        chosen = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in mart.columns.items())
        # Were the key none, each of its rows has a partner still.
        duckdb.sql(
            f"create or replace temp table {side} as select *, row_number() over (partition by "
            f"{', '.join(map(quoted, mart.key))} order by {', '.join(map(quoted, names))}) as _twin "
            f"from (select {chosen} from {export.rows(mart.schema, mart.name)})"
        )
    same_key = " and ".join(f"measure.{name} is not distinct from other.{name}" for name in map(quoted, key))
    cells = " or ".join(f"measure.{name} is distinct from other.{name}" for name in map(quoted, names + key))
    order = ", ".join(f"coalesce(measure.{name}, other.{name})" for name in map(quoted, key))
    pairs = ", ".join(f"measure.{name}, other.{name}" for name in map(quoted, [*key, *names]))
    found = duckdb.sql(
        f"select count(*) over () as differing, {pairs} "
        f"from measure full join other on {same_key} where {cells} order by {order} limit 1"
    ).fetchall()
    return difference(found[0], key, names, measure, other) if found else Result("identical")


def difference(
    row: tuple[Any, ...], key: list[str], names: list[str], measure: Export, other: Export
) -> Result:
    """Tell the first differing row: how many there are, and each column of both engines, the key first."""
    differing, *cells = row
    pairs = list(zip([*key, *names], cells[::2], cells[1::2], strict=True))
    twin = len(key) - 1
    only = other if pairs[twin][1] is None else measure if pairs[twin][2] is None else None
    where = ", ".join(f"{name}={was if only is measure else now}" for name, was, now in pairs[:twin])
    word = f"{differing:,} row{'s' if differing > 1 else ''}"
    if only:
        return Result(word, f"{where}: only on {only.engine}")
    told = next(
        f"{name} is {was} on {measure.engine}, {now} on {other.engine}"
        for name, was, now in pairs[twin + 1 :]
        if was != now
    )
    return Result(word, f"{where}: {told}")


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return f'"{name}"'


def same_history(measure: Export, other: Export) -> bool:
    """Whether both engines have the same versions in their snapshots, whenever they saw them."""
    for folder in (measure.folder / "snapshots").glob("*"):
        if not other.has("snapshots", folder.name):
            return False
        columns = [name for name in measure.columns("snapshots", folder.name) if not name.startswith("dbt_")]
        texts = ", ".join(f"cast({quoted(name)} as varchar)" for name in columns)
        here, there = (
            f"select {texts}, dbt_valid_to is null from {export.rows('snapshots', folder.name)}"
            for export in (measure, other)
        )
        odd = duckdb.sql(f"({here} except all {there}) union all ({there} except all {here}) limit 1")
        if odd.fetchall():
            return False
    return True


def result_of(mart: Mart, measure: Export, other: Export) -> Result:
    """The result of one table, or why it is not compared."""
    if (mart.schema, mart.name) not in [(each.schema, each.name) for each in other.marts]:
        return Result("not built there")
    if mart.is_history and not same_history(measure, other):
        return Result("history of its own")
    return compare(mart, measure, other)
