"""Make every dbt process write the SQL that it sends to DuckDB, and the time that each statement takes.

Python imports a module with this name when it starts, if the folder is in PYTHONPATH. The file $PITWALL_CLOCK
gets a JSON line for each statement. dbt's own log will not do: build.py runs dbt with its own log settings.
"""

import json
import os
import sys
import threading
import time
from importlib import util
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

CURSOR = "dbt.adapters.duckdb.environments.local"


def clocked(cursor: Any, path: str) -> None:
    """Make `execute` and `fetchall` of a class of cursors write each call to the file `path`."""
    execute, lock = cursor.execute, threading.Lock()

    def note(sql: str, bindings: object, seconds: float) -> None:
        line = json.dumps({"sql": sql, "bindings": bindings, "seconds": seconds}, default=str)
        with lock, open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 - every process imports this
            file.write(line + "\n")

    def clocked_execute(self: Any, sql: str, bindings: object = None) -> Any:
        started = time.perf_counter()
        result = execute(self, sql, bindings)
        note(sql, bindings, time.perf_counter() - started)
        return result

    def clocked_fetchall(self: Any) -> Any:
        # DuckDB may compute rows only when they are fetched.
        started = time.perf_counter()
        rows = self._cursor.fetchall()
        note("", None, time.perf_counter() - started)
        return rows

    cursor.execute, cursor.fetchall = clocked_execute, clocked_fetchall


class Finder(MetaPathFinder):
    """Changes dbt-duckdb's cursor when its module is imported. Other programs are not affected."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The spec of dbt-duckdb's module, whose loader then changes the cursor; None for other modules."""
        if name != CURSOR:
            return None
        sys.meta_path.remove(self)
        spec = util.find_spec(name)
        loader: Any = spec and spec.loader
        load = loader.exec_module

        def exec_module(module: Any) -> None:
            load(module)
            clocked(module.DuckDBCursorWrapper, os.environ["PITWALL_CLOCK"])

        loader.exec_module = exec_module
        return spec


if "PITWALL_CLOCK" in os.environ:
    sys.meta_path.insert(0, Finder())
