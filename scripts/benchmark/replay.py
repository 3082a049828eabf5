"""Run the SQL of a dbt build in DuckDB, without dbt: on one connection, one statement after another.

STATEMENTS is the file that clock/sitecustomize.py wrote. The queries that dbt sends to the catalog for itself
are left out, and so are its transactions: each statement commits by itself. Prints how many statements there
were, and their seconds.
"""

import argparse
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
OF_DBT = re.compile(
    r"begin|commit|rollback|describe|select column_name, column_type|.*\b(information_schema|duckdb_\w+\(\))",
    re.IGNORECASE | re.DOTALL,
)


def statements(path: Path) -> Iterator[dict[str, Any]]:
    """The statements that were sent to the engine, without those that dbt sends for itself."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            statement = json.loads(line)
            text = " ".join(COMMENT.sub("", statement["sql"]).split())
            if not OF_DBT.match(text):
                yield statement


def clocked_seconds(path: Path) -> float:
    """The seconds that the engine worked on them for dbt, with fetching rows and committing."""
    with path.open(encoding="utf-8") as file:
        commits = [
            each["seconds"] for each in map(json.loads, file) if each["sql"].strip().lower() == "commit"
        ]
    return float(sum(commits) + sum(statement["seconds"] for statement in statements(path)))


def replay(path: Path, warehouse: Path) -> tuple[int, float]:
    """Run the statements in a new warehouse. Returns their number, and their seconds."""
    todo = [statement for statement in statements(path) if statement["sql"]]
    with duckdb.connect(warehouse) as connection:
        connection.execute("set TimeZone = 'UTC'")
        started = time.perf_counter()
        for statement in todo:
            connection.execute(statement["sql"], statement["bindings"] or []).fetchall()
        connection.execute("checkpoint")
        return len(todo), time.perf_counter() - started


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("statements", metavar="STATEMENTS", type=Path)
    parser.add_argument("warehouse", metavar="WAREHOUSE", type=Path)
    options = parser.parse_args()
    print(*replay(options.statements, options.warehouse))
