"""What the pages of the site are written from: the warehouse, and dbt's manifest of it."""

import re
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb

from pitwall.warehouse.contents import read_contents

SOURCE_TABLES = "select table_name from information_schema.tables where table_schema = ? order by all"


class Answer(NamedTuple):
    """The answer to a query.

    Args:
        names: the names of the columns.
        rows: the rows, with Python's values.
    """

    names: list[str]
    rows: list[tuple[Any, ...]]


class Evidence(NamedTuple):
    """The warehouse, open for reading, and dbt's manifest of it."""

    connection: duckdb.DuckDBPyConnection
    manifest: dict[str, Any]

    def answer(self, sql: str, *values: object) -> Answer:
        """The answer to a query."""
        result = self.connection.execute(sql, values)
        names = [column[0] for column in result.description or []]
        return Answer(names, result.fetchall())

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.answer(sql, *values).rows

    def one(self, sql: str, *values: object) -> Any:
        """The only value of a query."""
        [(value,)] = self.rows(sql, *values)
        return value

    def is_simulated(self) -> bool:
        """Whether the results are those of a simulated championship."""

        def tables(schema: str) -> list[str]:
            return [name for (name,) in self.rows(SOURCE_TABLES, schema) if name == "dim_seasons"]

        return bool(read_contents(tables, self.rows).is_simulated)

    def extent(self) -> str:
        """Which results the warehouse has, in words."""
        [(first, season, name)] = self.rows(
            "select min(season) over (), season, race_name from marts.dim_races where is_held "
            "order by race_date desc, race_id desc limit 1"
        )
        kind = "Simulated results" if self.is_simulated() else "Results"
        return f"{kind} from {first} to the {name} of {season}"


# Markdown


def cell(value: object) -> str:
    """A value in a table of Markdown. NULL is an empty cell."""
    text = "" if value is None else f"{value:,}" if is_large(value) else str(value)
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def is_number(value: object) -> bool:
    """Whether a value is a number, or the text of one."""
    return isinstance(value, int | float | Decimal) or re.fullmatch(r"-?[\d,.]*\d", str(value)) is not None


def is_large(value: object) -> bool:
    """Whether a number needs a comma: it is no year."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10000


def table(header: list[str], rows: list[tuple[Any, ...]], *, is_markdown: bool = False) -> str:
    """A table of Markdown. A column of numbers is aligned to the right.

    Args:
        header: the names of the columns.
        rows: the rows.
        is_markdown: the cells are Markdown, and are written as they are.
    """
    numbers = [
        bool(rows)
        and all(row[index] in (None, "") or is_number(row[index]) for row in rows)
        and any(row[index] not in (None, "") for row in rows)
        for index in range(len(header))
    ]
    lines = [header, ["---:" if number else "---" for number in numbers]]
    write = (lambda value: " ".join(str(value).split())) if is_markdown else cell
    lines += [[write(value) for value in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
