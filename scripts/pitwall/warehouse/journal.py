"""The builds that failed since the last one that succeeded: lines of JSON in the data folder.

A build writes a line when it starts dbt, and another one when it fails. A build that was killed has only the
first line. When a build has succeeded, the warehouse has the rows, and the lines are removed.
"""

import json
from contextlib import suppress
from dataclasses import asdict, fields, replace
from datetime import datetime
from pathlib import Path

from pitwall.warehouse.build_log import INTERRUPTED, Build

FILE = ".failed_builds.jsonl"
COLUMNS = [field.name for field in fields(Build)]
TIMES = ("built_at", "started_at")
KILLED = "it was killed, or the machine stopped"


class Journal:
    """The lines of one warehouse. A data folder can have several: one for each engine and database.

    Args:
        data: the data folder.
        warehouse: the name of the warehouse in the lines.
    """

    def __init__(self, data: Path, warehouse: str) -> None:
        self.file = data / FILE
        self.warehouse = warehouse

    def start(self, build: Build) -> None:
        """Add the line of a build that starts. It stays the last one if the build is killed."""
        self.write(replace(build, outcome=INTERRUPTED, reason=KILLED))

    def write(self, build: Build) -> None:
        """Add a line. If the disk is full, there is none."""
        line = {"warehouse": self.warehouse, **asdict(build)}
        with suppress(OSError), self.file.open("a", encoding="utf-8") as file:
            # It begins a new line: on a full disk the last one may have been cut short.
            file.write(f"\n{json.dumps(line, default=datetime.isoformat)}\n")

    def builds(self) -> list[Build]:
        """The builds of this warehouse, oldest first. Of each build the last line counts."""
        last = {build.started_at: build for warehouse, build in self._lines() if warehouse == self.warehouse}
        return list(last.values())

    def forget(self) -> None:
        """Remove the lines of this warehouse."""
        others = [line for line in self._lines() if line[0] != self.warehouse]
        self.file.unlink(missing_ok=True)
        for warehouse, build in others:
            Journal(self.file.parent, warehouse).write(build)

    def _lines(self) -> list[tuple[str, Build]]:
        """The name of the warehouse and the build in each line that is whole."""
        found = []
        try:
            text = self.file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        for line in text.splitlines():
            with suppress(ValueError, KeyError, TypeError):
                values = json.loads(line)
                times = {name: datetime.fromisoformat(values[name]) for name in TIMES}
                known = {name: values[name] for name in COLUMNS if name in values}
                found.append((str(values["warehouse"]), Build(**{**known, **times})))
        return found
