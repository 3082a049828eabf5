"""The raw tables as the dbt sources YAML declares them: the one place where a column is written down."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from pitwall.command import ROOT, PlainError

SOURCES = ROOT / "models/staging/ergast/_ergast__sources.yml"
MANIFEST_SOURCES = ROOT / "models/staging/pitwall/_pitwall__sources.yml"
RULES = 1  # raise it when the rules of conversion change: every table is then converted anew


@dataclass(frozen=True)
class Column:
    """A declared column: its name, its type as declared, and the Polars type of it."""

    name: str
    declared: str
    dtype: pl.DataType
    description: str = ""

    @property
    def is_text(self) -> bool:
        """Whether values are kept as they are written."""
        return self.dtype == pl.String

    @property
    def is_integer(self) -> bool:
        """Whether values are whole numbers."""
        return self.dtype.is_integer()


@dataclass(frozen=True)
class Table:
    """A declared table; `sha` names its declaration together with the rules of conversion."""

    name: str
    columns: list[Column]
    key: list[str]
    sha: str
    description: str = ""

    def places(self, header: list[str], notes: list[str], source: str) -> dict[str, int]:
        """Where the header of a CSV has each column. Adds to the notes what was tolerated.

        Raises:
            PlainError: a name occurs twice, or a key column is missing.
        """
        names = [snake(name) for name in header]
        if repeated := sorted({name for name in names if name and names.count(name) > 1}):
            raise PlainError(f"{source}: the header names {', '.join(repeated)} more than once")
        places = {column.name: names.index(column.name) for column in self.columns if column.name in names}
        if lost := [name for name in self.key if name not in places]:
            raise PlainError(
                f"{source}: no column for the key {', '.join(lost)}; the header is: {','.join(header)[:80]}"
            )
        declared = [column.name for column in self.columns]
        if missing := [name for name in declared if name not in places]:
            notes.append(f"missing columns filled with nulls: {', '.join(missing)}")
        if extra := [name or "(no name)" for name in names if name not in declared]:
            notes.append(f"extra columns left out: {', '.join(extra)}")
        if list(places.values()) != sorted(places.values()):
            notes.append("columns come in another order")
        return places


def read_tables(path: Path) -> list[Table]:
    """Read the tables that a dbt sources file declares. Raises PlainError if it declares none properly."""
    try:
        declared = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"][0]["tables"]
        return [_table(entry) for entry in declared]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, IndexError, TypeError) as error:
        raise PlainError(
            f"{path}: not a dbt sources file with typed columns and primary keys ({error})"
        ) from None


def _table(entry: dict[str, Any]) -> Table:
    columns = [
        Column(each["name"], each["data_type"], _dtype(each["data_type"]), each.get("description", ""))
        for each in entry["columns"]
    ]
    key = entry["config"]["meta"]["primary_key"]
    declaration = [RULES, key, [[column.name, column.declared] for column in columns]]
    sha = hashlib.sha256(json.dumps(declaration).encode()).hexdigest()
    return Table(entry["name"], columns, key, sha, entry.get("description", ""))


def _dtype(declared: str) -> pl.DataType:
    if match := re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", declared):
        return pl.Decimal(int(match[1]), int(match[2]))
    plain = {
        "integer": pl.Int32(),
        "bigint": pl.Int64(),
        "date": pl.Date(),
        "string": pl.String(),
        "timestamp": pl.Datetime("us"),
    }
    return plain[declared]


def snake(header: str) -> str:
    """The column name of a CSV header: `positionText` becomes `position_text`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", header.strip()).lower()
