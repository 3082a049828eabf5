"""Run dbt in a process of its own, and read what it left."""

import json
import os
import subprocess
import sys
from pathlib import Path

from pitwall.command import ROOT


def target_folder(engine: str, data: Path) -> Path:
    """Where dbt leaves the manifest and the results of the last build."""
    return data / ".build" / ("target" if engine == "duckdb" else f"target-{engine}")


def dbt_build(engine: str, data: Path, place: dict[str, str], target: Path, lock: int, *options: str) -> str:
    """Run `dbt build` into the given place; in a process of its own, so that all is closed at the end.

    It holds the lock too: were this script killed, the next build would meet what dbt still writes.

    Returns:
        Why it failed: the last words of a crash, without its traceback, or the exit code. Else nothing.
    """
    command = [Path(sys.executable).with_name("dbt"), "--log-level", "warn", "--log-level-file", "none"]
    command += ["build", "--target", engine, "--project-dir", ROOT, "--profiles-dir", ROOT]
    # A target folder of its own: another warehouse in the profile makes dbt parse the whole project again.
    command += ["--target-path", target, *options]
    environment = {**os.environ, "PITWALL_DATA": str(data), "DO_NOT_TRACK": "1", **place}
    if sys.stdout.isatty():
        command.insert(1, "--use-colors")
    crash = ""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        pass_fds=[lock],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            if crash or "Traceback (most recent call last)" in line:
                crash = line.strip() or crash
            else:
                print(line, end="", flush=True)
    if not process.returncode:
        return ""
    return crash or f"exit code {process.returncode}"


def count_tests(target: Path) -> tuple[int, int]:
    """How many rules of the data hold, by dbt's last run, and how many unit tests passed."""
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    rules = unit_tests = 0
    for passed in (result["unique_id"] for result in results if result["status"] == "pass"):
        if passed.startswith("unit_test."):
            unit_tests += 1
            continue
        # The test `rules` is as many as it has rules; any other test is one.
        test = nodes[passed].get("test_metadata") or {"name": "singular"}
        arguments = [value for name, value in test.get("kwargs", {}).items() if name != "model"]
        rules += (
            sum(1 if isinstance(each, str) else len(each) for each in arguments)
            if test["name"] == "rules"
            else 1
        )
    return rules, unit_tests
