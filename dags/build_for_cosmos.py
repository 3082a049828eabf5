#!/usr/bin/env python3
"""What Cosmos calls instead of dbt: build.py, with the events of dbt as they are.

Cosmos passes arguments of dbt. They are ignored, because build.py knows how to run dbt. While another run
uses the data folder, the build is tried again, with growing pauses: Cosmos itself cannot start a build twice.
Why a build failed goes to the file $PITWALL_CAUSE, for the alert.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CAN_PASS = 75
PAUSES = (30, 60, 120, 240, 480)  # seconds
CAUSE_LINES = 30


def end_with_parent() -> None:
    """End when Cosmos' task does. build.py then ends as well, and dbt with it."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def read(line: str) -> tuple[str, str]:
    """What to print of a line of build.py, and what of it belongs to the cause of a failure."""
    try:
        event = json.loads(line)
        info = event.get("info")
    except (ValueError, AttributeError):
        return line, line
    if info is None:  # an event of Pitwall: Cosmos shows a text, but not this
        text = str(event.get("message", line))
        return text, text if event.get("level") == "error" else ""
    is_cause = info.get("level") == "error" or info.get("name") == "PrintEvent"
    return line, info.get("msg", "") if is_cause else ""


def build() -> tuple[int, list[str]]:
    """Run build.py. Returns its exit code, and the lines that say why it failed."""
    command = [ROOT / ".venv" / "bin" / "python", ROOT / "scripts" / "build.py"]
    command += ["--engine", os.environ.get("PITWALL_ENGINE") or "duckdb"]
    causes: list[str] = []
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            shown, cause = read(line.rstrip("\n"))
            print(shown, flush=True)
            if cause.strip():
                causes.append(cause)
    return process.returncode, causes


def main() -> int:
    """Build, and try again while another run uses the data folder."""
    end_with_parent()
    file = Path(os.environ["PITWALL_CAUSE"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    factor = float(os.environ.get("PITWALL_RETRY_SECONDS") or 60) / 60
    for pause in (*PAUSES, None):
        code, causes = build()
        if code != CAN_PASS or pause is None:
            break
        print(f"Trying again in {pause * factor:g} seconds.", flush=True)
        time.sleep(pause * factor)
    if code:
        file.write_text("\n".join(causes[-CAUSE_LINES:]) + "\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
