"""Measure whole processes: their time, the time of processors, and the most memory that they held."""

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
    failed: str = ""  # how it failed, with the last line of its output; "" if it did not

    def as_row(self) -> dict[str, object]:
        """The fields by name."""
        return asdict(self)


def measured(
    *command: str | Path,
    may_fail: bool = False,
    cwd: Path | None = None,
    minutes: float | None = None,
    **environment: object,
) -> Measured:
    """Run a command, and measure it with its children.

    Args:
        command: the program and its arguments.
        may_fail: return a failed measurement instead of raising.
        cwd: the folder to run it in.
        minutes: stop the command after this time. Then it has failed.
        environment: environment variables. Those of this process that start with PITWALL_ are left out.

    Raises:
        PlainError: the command failed.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PITWALL_")}
    wanted = {name: str(value) for name, value in environment.items()}
    request = {
        "command": [str(part) for part in command],
        "cwd": str(cwd) if cwd else None,
        "minutes": minutes,
        "env": {**inherited, "DO_NOT_TRACK": "1", **wanted},
    }
    watch = subprocess.run(
        [sys.executable, WATCH], input=json.dumps(request), stdout=subprocess.PIPE, text=True, check=True
    )
    result = Measured(**json.loads(watch.stdout))
    if result.failed and not may_fail:
        raise PlainError(f"{' '.join(map(str, command))}: {result.failed}")
    return result


def in_a_row(*parts: Measured) -> Measured:
    """The sum of processes that ran one after another. Their memory is the largest."""
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
