"""The raw tables as the dbt sources YAML, the only declaration of raw columns, declares them."""

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from pitwall.command import ROOT, PlainError

SOURCES = ROOT / "models/staging/ergast/_ergast__sources.yml"
OPTIONAL_SOURCES = ROOT / "models/staging/racedata/_racedata__sources.yml"
MANIFEST_SOURCES = ROOT / "models/staging/pitwall/_pitwall__sources.yml"
MAX_COLUMNS = 10_000  # which take about a second
# The parser in C, ten times as fast, if PyYAML was built with it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
RULES = 2  # raise it when the rules of conversion change: every table is then converted again


@dataclass(frozen=True)
class Column:
    """A declared column: its name, its declared type, and the Polars type of it."""

    name: str
    declared: str
    dtype: pl.DataType
    description: str = ""
    date_format: str = ""  # of the file, if its dates are not ISO dates

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
    """A declared table. `sha256` identifies its declaration together with the rules of conversion."""

    name: str
    columns: list[Column]
    key: list[str]
    sha256: str
    description: str = ""
    file: str = ""  # the name of its file
    is_optional: bool = False  # whether the file may be missing

    def positions(self, header: list[str], notes: list[str], source: str) -> dict[str, int]:
        """The position of each declared column in the header of a CSV.

        Args:
            notes: gets a line for each difference between header and declaration that is accepted.
            source: the name of the CSV, for messages.

        Raises:
            PlainError: the header repeats a name, a key column is missing, or there are too many columns.
        """
        if len(header) > MAX_COLUMNS:
            raise PlainError(f"{source}: the header has {len(header):,} columns, {MAX_COLUMNS:,} are allowed")
        names = [snake_case(name) for name in header]
        counts = Counter(names)
        if repeated := sorted(name for name in counts if name and counts[name] > 1):
            raise PlainError(f"{source}: the header has {', '.join(repeated)} more than once")
        positions = {column.name: names.index(column.name) for column in self.columns if column.name in names}
        if lost := [name for name in self.key if name not in positions]:
            raise PlainError(
                f"{source}: no column for the key {', '.join(lost)}; the header is: {','.join(header)[:80]}"
            )
        declared = [column.name for column in self.columns]
        if missing := [name for name in declared if name not in positions]:
            notes.append(f"missing columns filled with NULL: {', '.join(missing)}")
        if extra := [name or "(no name)" for name in names if name not in declared]:
            notes.append(f"extra columns left out: {', '.join(extra)}")
        if list(positions.values()) != sorted(positions.values()):
            notes.append("columns come in another order")
        return positions


def read_tables(path: Path) -> list[Table]:
    """The tables that a dbt sources file declares. Raises PlainError if it does not declare them properly."""
    if path.exists() and not path.is_file():
        raise PlainError(f"{path}: no file")
    try:
        declared = yaml.load(path.read_text(encoding="utf-8"), LOADER)["sources"][0]["tables"]
        return [_table(entry) for entry in declared]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, IndexError, TypeError) as error:
        raise PlainError(
            f"{path}: not a dbt sources file with typed columns and primary keys ({error})"
        ) from None


def raw_tables() -> list[Table]:
    """All tables that are converted from the files of an archive, those that it must have first."""
    return read_tables(SOURCES) + read_tables(OPTIONAL_SOURCES)


def _table(entry: dict[str, Any]) -> Table:
    columns = [
        Column(
            each["name"],
            each["data_type"],
            _dtype(each["data_type"]),
            each.get("description", ""),
            each.get("config", {}).get("meta", {}).get("date_format", ""),
        )
        for each in entry["columns"]
    ]
    meta = entry["config"]["meta"]
    key = meta["primary_key"]
    declaration = [RULES, key, [[column.name, column.declared, column.date_format] for column in columns]]
    sha256 = hashlib.sha256(json.dumps(declaration).encode()).hexdigest()
    file, is_optional = meta.get("file", f"{entry['name']}.csv"), meta.get("is_optional", False)
    return Table(entry["name"], columns, key, sha256, entry.get("description", ""), file, is_optional)


def _dtype(declared: str) -> pl.DataType:
    if match := re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", declared):
        return pl.Decimal(int(match[1]), int(match[2]))
    simple: dict[str, pl.DataType] = {
        "integer": pl.Int32(),
        "bigint": pl.Int64(),
        "boolean": pl.Boolean(),
        "date": pl.Date(),
        "string": pl.String(),
        "timestamp": pl.Datetime("us"),
    }
    return simple[declared]


def snake_case(header: str) -> str:
    """The column name of a CSV header: `positionText` and `Position Text` become `position_text`."""
    return re.sub(r"(?<=[a-z0-9]) *(?=[A-Z])", "_", header.strip()).lower()
