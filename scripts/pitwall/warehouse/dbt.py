"""Run dbt in a process of its own, and read the files that it leaves."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pitwall.command import ROOT, use_colors
from pitwall.warehouse.progress import DbtEvents, Progress

# One test per model replaces its native tests: see tests/generic/merged.sql.
MERGED_TESTS = ("--vars", "{merged_tests: true}", "--exclude", "config.meta.merged:true")
# Variables that say how one build is done. A build sets them itself: with one that the user happens to have,
# dbt would build something else.
OF_ONE_BUILD = (
    "DBT_",
    "PITWALL_WAREHOUSE",
    "PITWALL_SEASONS",
    "PITWALL_RACES",
    "PITWALL_HISTORY",
    "PITWALL_SPARK",
    "PITWALL_SCHEMA_SUFFIX",
)


def target_folder(engine: str, data: Path) -> Path:
    """The folder in which dbt leaves the manifest and the results of the last build.

    Each engine has its own, because dbt parses the whole project again if the connection differs from the
    last one.
    """
    return data / ".build" / ("target" if engine == "duckdb" else f"target-{engine}")


def build_options(*, with_unit_tests: bool, is_new_code: bool, selection: Sequence[str] = ()) -> list[str]:
    """The options of `dbt build`: what to build and test, and whether to parse the whole project."""
    options = [*MERGED_TESTS, *selection]
    if is_new_code:
        # After a change of a source and other files, dbt's partial parse can miss the snapshot.
        options += ["--no-partial-parse"]
    if not with_unit_tests:
        options += ["--exclude-resource-type", "unit_test"]
    return options


def inherited() -> dict[str, str]:
    """The user's environment without the variables that say how one build is done."""
    return {name: text for name, text in os.environ.items() if not name.startswith(OF_ONE_BUILD)}


@contextmanager
def ended_with_this_process(process: "subprocess.Popen[str]") -> Iterator[None]:
    """End another process if this one is killed, by whatever signal.

    A small shell waits for the end of a pipe that only this process holds open. So it works on every system,
    and the other process needs to know nothing of it.
    """
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", 'read -r line; kill "$1"', "sh", str(process.pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is not for it
    )
    try:
        yield
    finally:
        # Before the other process is waited for: until then no third process can have its number.
        watcher.kill()
        watcher.communicate()


def dbt_build(
    profile_target: str,
    data: Path,
    connection: dict[str, str],
    target: Path,
    lock: int,
    options: list[str],
    project: Path = ROOT,
) -> str:
    """Run `dbt build` in a process of its own, so that everything is closed at the end. Show its progress.

    With PITWALL_LOG=json, dbt's own events go to stdout as they are.

    Args:
        profile_target: the target of profiles.yml.
        data: the data folder.
        connection: the environment variables that make dbt build in the right place.
        target: the folder for dbt's manifest and results.
        lock: the lock of the data folder. dbt gets it too: if this process is killed, dbt ends as well, and
            until then no other build can start.
        options: further options of `dbt build`.
        project: the folder of the dbt project.

    Returns:
        Why it failed: the last line of a crash, without its traceback, or the exit code. "" if it succeeded.
    """
    command: list[str | Path] = [Path(sys.executable).with_name("dbt"), "--log-format", "json"]
    command += ["--use-colors" if use_colors() else "--no-use-colors", "--log-level-file", "none"]
    # dbt makes the folder of its logs even if it writes none. By default it is in the project.
    command += ["--log-path", target.parent / "logs", "build", "--target", profile_target]
    command += ["--project-dir", project, "--profiles-dir", project, "--target-path", target, *options]
    environment = {**inherited(), "PITWALL_DATA": str(data), "DO_NOT_TRACK": "1", **connection}
    progress = DbtEvents() if os.environ.get("PITWALL_LOG") == "json" else Progress()
    with (
        subprocess.Popen(
            command,
            cwd=project,
            env=environment,
            pass_fds=[lock],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process,
        ended_with_this_process(process),
    ):
        for line in process.stdout or ():
            progress.show(line)
    progress.close()
    if process.returncode and not progress.said:
        print(f"dbt ended with exit code {process.returncode}, and printed nothing.", flush=True)
    if not process.returncode:
        return ""
    return progress.crash or f"exit code {process.returncode}"


def count_tests(target: Path) -> tuple[int, int]:
    """How many data tests, merged ones included, and how many unit tests passed in dbt's last run."""
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
