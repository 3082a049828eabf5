"""Run dbt in a process of its own, and read what it left."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from pitwall.command import ROOT


# One test per model in place of its native tests: see tests/generic/merged.sql.
MERGED_TESTS = ("--vars", "{merged_tests: true}", "--exclude", "config.meta.merged:true")


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
    command += ["--target-path", target, *MERGED_TESTS, *options]
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
    """How many data tests passed in dbt's last run, merged ones included, and how many unit tests."""
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    passed = [result["unique_id"] for result in results if result["status"] == "pass"]
    tests = [name for name in passed if name.startswith("test.")]
    merged = Counter(
        node["attached_node"] for node in nodes.values() if node["config"]["meta"].get("merged") is True
    )
    is_merged = [(nodes[name].get("test_metadata") or {}).get("name") == "merged" for name in tests]
    data_tests = sum(
        merged[nodes[name]["attached_node"]] if stands_for_others else 1
        for name, stands_for_others in zip(tests, is_merged, strict=True)
    )
    return data_tests, sum(name.startswith("unit_test.") for name in passed)
