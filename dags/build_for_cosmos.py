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
from typing import Any

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


def event_of(line: str) -> dict[str, Any]:
    """The event that a line is; an empty one if it is a text."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


class Build:
    """One call of build.py."""

    def __init__(self) -> None:
        self.causes: list[str] = []  # what says why it failed
        self.reported: set[str] = set()  # the models that dbt has reported

    def run(self) -> int:
        """Run it, and print what Cosmos reads. Returns its exit code."""
        command = [ROOT / ".venv" / "bin" / "python", ROOT / "scripts" / "build.py"]
        command += ["--engine", os.environ.get("PITWALL_ENGINE") or "duckdb"]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                print(self.read(line.rstrip("\n")), flush=True)
        return process.returncode

    def read(self, line: str) -> str:
        """Note what a line says. Returns what to print: Cosmos shows texts, and events of dbt."""
        event = event_of(line)
        if info := event.get("info"):
            self.reported.add((event.get("data") or {}).get("node_info", {}).get("unique_id"))
            if info.get("level") == "error" or info.get("name") == "PrintEvent":
                self.causes.append(info.get("msg", ""))
            return line
        text = str(event.get("message", line))
        if not event or event.get("level") == "error":
            self.causes.append(text)
        return text

    def report_rest(self, manifest: Path) -> None:
        """Report the models that dbt did not have to build. Without a report their sensors wait for days."""
        nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
        for unique_id, node in nodes.items():
            kind = node["resource_type"]
            if kind in ("model", "seed", "snapshot") and unique_id not in self.reported:
                info = {"name": "NotBuilt", "level": "info", "msg": f"{node['name']} is as it was"}
                about = {"unique_id": unique_id, "resource_type": kind, "node_status": "success"}
                print(json.dumps({"info": info, "data": {"node_info": about}}), flush=True)


def main() -> int:
    """Build, and try again while another run uses the data folder."""
    end_with_parent()
    cause = Path(os.environ["PITWALL_CAUSE"])
    cause.parent.mkdir(parents=True, exist_ok=True)
    cause.unlink(missing_ok=True)
    factor = float(os.environ.get("PITWALL_RETRY_SECONDS") or 60) / 60
    for pause in (*PAUSES, None):
        build = Build()
        code = build.run()
        if code != CAN_PASS or pause is None:
            break
        print(f"Trying again in {pause * factor:g} seconds.", flush=True)
        time.sleep(pause * factor)
    if code:
        texts = [text for text in build.causes if text.strip()]
        cause.write_text("\n".join(texts[-CAUSE_LINES:]) + "\n", encoding="utf-8")
    else:
        build.report_rest(Path(os.environ["PITWALL_MANIFEST"]))
    return code


if __name__ == "__main__":
    sys.exit(main())
