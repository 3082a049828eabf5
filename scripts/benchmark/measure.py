"""Whole processes, measured: seconds, seconds of processors, and the most memory that they held."""

import os
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from data_folder import PlainError

EVERY = 0.05  # seconds between two looks at the memory of a process and its children


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


def resident(process: psutil.Process) -> int:
    """Bytes in memory of a process and all its children; 0 for one that is gone."""
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.Error:
        pass
    return total


def measured(
    *command: str | Path, may_fail: bool = False, cwd: Path | None = None, **environment: object
) -> Measured:
    """Run a command, and measure it and its children.

    Raises:
        PlainError: it failed, and may not.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PITWALL_")}
    wanted = {name: str(value) for name, value in environment.items()}
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env={**inherited, "DO_NOT_TRACK": "1", **wanted},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        peak, ended = 0, threading.Event()

        def watch() -> None:
            nonlocal peak
            watched = psutil.Process(process.pid)
            while not ended.wait(EVERY):
                peak = max(peak, resident(watched))

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        ended.set()
        watcher.join()
        process.returncode = code = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode("utf-8", "replace").strip()
    failed = ""
    if code:
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        failed = f"{how}: {text.splitlines()[-1] if text else 'it said nothing'}"
        if not may_fail:
            raise PlainError(f"{' '.join(map(str, command))}: {failed}")
    # The kernel's own count of the biggest single process misses nothing between two looks.
    peak = max(peak, usage.ru_maxrss * 1024)
    return Measured(seconds, usage.ru_utime + usage.ru_stime, peak / 1e6, failed=failed)


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
