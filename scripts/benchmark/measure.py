"""Whole processes, measured: seconds, seconds of processors, and the most memory that they held."""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from pitwall.command import PlainError

WATCH = Path(__file__).with_name("watch.py")


@dataclass(frozen=True)
class Measured:
    """One run, or the median of several."""

    seconds: float
    processor_seconds: float  # of all cores, children included
    peak_mb: float  # 10**6 bytes resident at once, children included
    runs: int = 1
    failed: str = ""  # the last line of what it said, where it did not end well

    def as_row(self) -> dict[str, object]:
        return asdict(self)


def measured(
    *command: str | Path, may_fail: bool = False, cwd: Path | None = None, **environment: object
) -> Measured:
    """Run a command, and measure it and its children.

    Raises:
        PlainError: it failed, and may not.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PITWALL_")}
    wanted = {name: str(value) for name, value in environment.items()}
    what = {
        "command": [str(part) for part in command],
        "cwd": str(cwd) if cwd else None,
        "env": {**inherited, "DO_NOT_TRACK": "1", **wanted},
    }
    watch = subprocess.run(
        [sys.executable, WATCH], input=json.dumps(what), stdout=subprocess.PIPE, text=True, check=True
    )
    result = Measured(**json.loads(watch.stdout))
    if result.failed and not may_fail:
        raise PlainError(f"{' '.join(what['command'])}: {result.failed}")
    return result


def one_after_another(*parts: Measured) -> Measured:
    """The whole of processes that ran in a row."""
    return Measured(
        sum(part.seconds for part in parts),
        sum(part.processor_seconds for part in parts),
        max(part.peak_mb for part in parts),
        min(part.runs for part in parts),
        "".join(part.failed for part in parts),
    )


def median(runs: list[Measured]) -> Measured:
    """The median of each measure."""
    return Measured(
        statistics.median(run.seconds for run in runs),
        statistics.median(run.processor_seconds for run in runs),
        statistics.median(run.peak_mb for run in runs),
        len(runs),
        next((run.failed for run in runs if run.failed), ""),
    )
