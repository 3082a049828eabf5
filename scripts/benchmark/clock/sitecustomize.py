"""Put in PYTHONPATH, it makes every dbt process note the SQL it sends to DuckDB, and how long each statement
takes.

Python imports a module of this name when it starts. dbt may run in a process of a script's own, with
flags of the script's own, so its log is out of reach; the file $PITWALL_CLOCK gets a JSON line for each
statement.
"""

import json
import os
import sys
import threading
import time
from importlib import util
from importlib.abc import MetaPathFinder

CURSOR = "dbt.adapters.duckdb.environments.local"


def clocked(cursor: type, path: str) -> None:
    """Make `execute` and `fetchall` of a class of cursors write down what they do."""
    execute, lock = cursor.execute, threading.Lock()

    def note(sql: str, bindings: object, seconds: float) -> None:
        line = json.dumps({"sql": sql, "bindings": bindings, "seconds": seconds}, default=str)
        with lock, open(path, "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(line + "\n")

    def clocked_execute(self, sql, bindings=None):
        started = time.perf_counter()
        result = execute(self, sql, bindings)
        note(sql, bindings, time.perf_counter() - started)
        return result

    def clocked_fetchall(self):
        # Rows may be worked out only when they are asked for.
        started = time.perf_counter()
        rows = self._cursor.fetchall()
        note("", None, time.perf_counter() - started)
        return rows

    cursor.execute, cursor.fetchall = clocked_execute, clocked_fetchall


class Finder(MetaPathFinder):
    """Wraps the cursor as its module is imported, and changes nothing where it is not."""

    def find_spec(self, name, path=None, target=None):
        if name != CURSOR:
            return None
        sys.meta_path.remove(self)
        spec = util.find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module) -> None:
            load(module)
            clocked(module.DuckDBCursorWrapper, os.environ["PITWALL_CLOCK"])

        spec.loader.exec_module = exec_module
        return spec


if "PITWALL_CLOCK" in os.environ:
    sys.meta_path.insert(0, Finder())
