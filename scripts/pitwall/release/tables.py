"""The tables of a release, as dbt's manifest describes them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pitwall.command import PlainError
from pitwall.warehouse.comparison import primary_key
from pitwall.warehouse.opening import unreadable
from pitwall.warehouse.sql import identifier, literal

SCHEMAS = ("marts", "quality")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        type: the type of its contract, for example `decimal(8, 2)`.
        is_required: whether it is never NULL.
    """

    name: str
    type: str
    description: str
    is_required: bool

    @property
    def kind(self) -> str:
        """The type without its precision, for example `decimal`."""
        return self.type.partition("(")[0]


@dataclass(frozen=True)
class Table:
    """A table of a release.

    Args:
        key: the columns of its primary key.
        references: the table and the column that a column refers to, by the name of the column.
    """

    schema: str
    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: dict[str, tuple[str, str]]

    @property
    def source(self) -> str:
        """The table in the attached warehouse, as SQL writes it."""
        return f"warehouse.{self.schema}.{identifier(self.name)}"

    @property
    def order(self) -> str:
        """The order of its rows, as SQL writes it: the same rows always make the same file."""
        return ", ".join(map(identifier, self.key))


def attach(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    """Open the warehouse for reading, under the name `warehouse`.

    Raises:
        PlainError: there is none, or it cannot be read.
    """
    if not warehouse.exists():
        raise PlainError(f"{warehouse}: there is no warehouse yet; run `make build` first")
    try:
        connection.execute(f"attach {literal(warehouse)} as warehouse (read_only)")
    except duckdb.Error as error:
        raise unreadable(warehouse, error) from None


def columns_of(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], list[str]]:
    """The columns of all tables and views of SCHEMAS in the attached warehouse, by schema and table."""
    found: dict[tuple[str, str], list[str]] = {}
    rows = connection.execute(
        "select table_schema, table_name, column_name from information_schema.columns "
        f"where table_catalog = 'warehouse' and table_schema in {SCHEMAS} "
        "order by table_schema, table_name, ordinal_position"
    )
    for schema, table, column in rows.fetchall():
        found.setdefault((schema, table), []).append(column)
    return found


def read_tables(connection: duckdb.DuckDBPyConnection, manifest_file: Path) -> list[Table]:
    """The tables of the attached warehouse, with what the manifest of its build says about them.

    Raises:
        PlainError: there is no manifest, or it is not that of the warehouse.
    """
    try:
        manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        raise PlainError(f"{manifest_file}: cannot be read; run `make build`, which writes it") from None
    models = {
        node["alias"]: node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"]["schema"] in SCHEMAS
    }
    references = read_references(manifest, models)
    described = sorted(
        (describe(node, references.get(name, {})) for name, node in models.items()),
        key=lambda table: (table.schema, table.name),
    )
    found = columns_of(connection)
    expected = {(table.schema, table.name): [column.name for column in table.columns] for table in described}
    for schema, name in sorted(found.keys() | expected.keys()):
        if found.get((schema, name)) != expected.get((schema, name)):
            raise PlainError(
                f"{schema}.{name}: the warehouse and {manifest_file} do not agree about it; run "
                "`make build`, which writes both"
            )
    return described


def describe(node: dict[str, Any], references: dict[str, tuple[str, str]]) -> Table:
    """A table from the manifest's node of its model."""
    key = tuple(primary_key(node))
    columns = tuple(
        Column(
            name,
            column["data_type"],
            column["description"].strip(),
            name in key or any(constraint["type"] == "not_null" for constraint in column["constraints"]),
        )
        for name, column in node["columns"].items()
    )
    return Table(
        node["config"]["schema"], node["alias"], node["description"].strip(), columns, key, references
    )


def read_references(
    manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> dict[str, dict[str, tuple[str, str]]]:
    """What the `relationships` tests declare, by table and column.

    A reference counts if it is to the primary key of a table of the release.
    """
    by_id = {node["unique_id"]: name for name, node in models.items()}
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        if test.get("name") != "relationships" or node["attached_node"] not in by_id:
            continue
        arguments = test["kwargs"]
        [target] = re.findall(r"ref\('(\w+)'\)", arguments["to"]) or [""]
        if target in models and primary_key(models[target]) == [arguments["field"]]:
            columns = found.setdefault(by_id[node["attached_node"]], {})
            columns[node["column_name"]] = (target, arguments["field"])
    return found


def named(tables: Sequence[Table]) -> dict[str, Table]:
    """The tables by name. Names of the two schemas do not repeat, so that a file can have the name alone."""
    by_name = {table.name: table for table in tables}
    if len(by_name) < len(tables):
        raise PlainError("two tables of marts and quality have the same name, so a release cannot have both")
    return by_name
