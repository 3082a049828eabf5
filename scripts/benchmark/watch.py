"""Run a command, and print what it took as JSON. The command and its environment come as JSON on stdin.

measure.py runs this as a small process of its own, because Linux counts the memory of the process that starts
a program as memory of the program.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from typing import Any

import psutil

EVERY = 0.05  # seconds between two measurements of memory


def resident(process: psutil.Process) -> int:
    """Bytes in memory of a process and all its children. A process that has ended counts as 0."""
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.Error:
        pass
    return total


def stop(process: psutil.Process) -> None:
    """End a process and all its children."""
    for each in (*process.children(recursive=True), process):
        with suppress(psutil.Error):
            each.kill()


def watched(command: list[str], minutes: float | None = None, **options: Any) -> dict[str, object]:
    """Run a command, for some minutes at most. Returns the fields of measure.Measured."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **options
        )
        peak, ended, is_late = 0, threading.Event(), False

        def watch() -> None:
            nonlocal peak, is_late
            child = psutil.Process(process.pid)
            while not ended.wait(EVERY):
                peak = max(peak, resident(child))
                if minutes and not is_late and time.perf_counter() - started > minutes * 60:
                    is_late = True
                    stop(child)

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        ended.set()
        watcher.join()
        process.returncode = code = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode("utf-8", "replace").strip()
    failed = ""
    if is_late:
        failed = f"stopped after {minutes:g} minutes"
    elif code:
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        failed = f"{how}: {text.splitlines()[-1] if text else 'it said nothing'}"
    # The kernel's own count of the largest single process misses nothing between two measurements.
    peak = max(peak, usage.ru_maxrss * 1024)
    return {
        "seconds": seconds,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": peak / 1e6,
        "failed": failed,
    }


if __name__ == "__main__":
    print(json.dumps(watched(**json.load(sys.stdin))))
