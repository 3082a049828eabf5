"""The table `ops.builds`: one row per build. Each warehouse has the rows of the last one, and its own.

It is no source of dbt, because it gets its row when dbt has finished. Builds that failed have no row: they
leave the last warehouse as it is. Spark has no such table.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from pitwall.warehouse.sql import literal

TABLE = "builds"


class Build(NamedTuple):
    """A row of the table.

    Args:
        built_at: when dbt had finished, in UTC without a time zone; the primary key.
        duration_ms: from the start of the build until then.
        plan: whether the build was full or incremental, and why.
        input: what the raw data were, such as `real files to 5 Oct 2025`.
        code: the fingerprint of the project's code, of dbt and of DuckDB.
        mart_tables, mart_rows: the tables of the schema `marts`, and their rows.
        data_tests: how many data tests passed.
        unit_tests: how many unit tests passed; 0 if they had passed with the same code before.
    """

    built_at: datetime
    duration_ms: int
    plan: str
    input: str
    code: str
    mart_tables: int
    mart_rows: int
    data_tests: int
    unit_tests: int


def create_statements(schema: str, builds: Iterable[Build]) -> list[str]:
    """The SQL that makes the table in a schema, with these rows. It replaces a table of an earlier build."""
    rows = ", ".join(f"({', '.join(map(_value, build))})" for build in builds)
    return [
        f"create schema if not exists {schema}",
        f"drop table if exists {schema}.{TABLE}",
        f"create table {schema}.{TABLE} (built_at timestamp primary key, duration_ms bigint not null, "
        "plan varchar not null, input varchar not null, code varchar not null, mart_tables integer not null, "
        "mart_rows bigint not null, data_tests integer not null, unit_tests integer not null)",
        f"insert into {schema}.{TABLE} values {rows}",
    ]


def select_statement() -> str:
    """The SQL that reads the rows of the last warehouse."""
    return f"select {', '.join(Build._fields)} from ops.{TABLE} order by built_at"


def _value(value: Any) -> str:
    if isinstance(value, datetime):
        return f"timestamp '{value:%Y-%m-%d %H:%M:%S.%f}'"
    return str(value) if isinstance(value, int) else literal(value)
