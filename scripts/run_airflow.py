#!/usr/bin/env python3
"""Run Airflow on this machine, with the DAG that rebuilds the warehouse after each race.

It prints the address. There is no login, so it listens on this machine only. Ctrl-C ends it, with all of its
processes. Airflow's files are in $PITWALL_DATA/airflow. What a user of the page cannot set is in the
environment: docs/airflow.md lists it.
"""

import argparse
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import FrameType

from pitwall.address import LOOPBACK, address, free_port
from pitwall.command import ROOT, Parser, PlainError, exit_code, require, whole_number
from pitwall.data_folder import data_folder

require("dbt", "duckdb")

from pitwall.warehouse.dbt import inherited  # noqa: E402

BIN = ROOT / ".venv-airflow" / "bin"
# The programs of `airflow standalone`, which has no way to leave out two servers of logs that listen on all
# addresses. Here Airflow reads the logs from files.
PROGRAMS = (
    ("api-server",),
    ("scheduler", "--skip-serve-logs"),
    ("dag-processor",),
    ("triggerer", "--skip-serve-logs"),
)
SECONDS_TO_START = 180
SECONDS_TO_END = 15


def settings(data: Path, port: int) -> dict[str, str]:
    """The environment of Airflow's programs. Settings of the user for another Airflow are left out.

    Connections and variables, AIRFLOW_CONN_* and AIRFLOW_VAR_*, stay.
    """
    home = data / "airflow"
    kept = {
        name: value
        for name, value in inherited().items()
        if not name.startswith("AIRFLOW_") or name.startswith(("AIRFLOW_CONN_", "AIRFLOW_VAR_"))
    }
    return {
        **kept,
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PITWALL_DATA": str(data),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{LOOPBACK}:{port}/execution/",
        "AIRFLOW__API__HOST": address(),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://{LOOPBACK}:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secret(home / "api.key"),
        "AIRFLOW__API_AUTH__JWT_SECRET": secret(home / "jwt.key"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
        "AIRFLOW__COSMOS__CACHE_DIR": str(home / "cosmos"),
        "DO_NOT_TRACK": "1",
        # A proxy is for the network.
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
    }


def secret(file: Path) -> str:
    """A secret that stays the same from start to start, in a file that only its owner can read."""
    with suppress(FileExistsError):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as new:
            new.write(secrets.token_hex(32))
    return file.read_text(encoding="utf-8")


def once(what: str, command: list[str | Path], environment: dict[str, str]) -> None:
    """Run a program to its end. Raises PlainError with its last line if it fails."""
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace"
    )
    if result.returncode:
        lines = [line for line in (result.stdout + result.stderr).splitlines() if line.strip()]
        raise PlainError(f"{what}: {lines[-1] if lines else 'it printed nothing'}")


def prepare(home: Path, environment: dict[str, str]) -> None:
    """Make the database, the pool that guards the data folder, and the list of dbt's models."""
    print("Preparing Airflow ...", flush=True)
    dbt: list[str | Path] = [BIN.parents[1] / ".venv" / "bin" / "dbt", "--quiet", "--log-level-file", "none"]
    dbt += ["--log-path", home / "logs" / "dbt", "parse", "--target-path", home / "target"]
    once("dbt parse", [*dbt, "--project-dir", ROOT, "--profiles-dir", ROOT], environment)
    once("airflow db migrate", [BIN / "airflow", "db", "migrate"], environment)
    pool = ["pools", "set", "pitwall", "1", "All that writes into the data folder"]
    once("airflow pools set", [BIN / "airflow", *pool], environment)


def descendants(of: int) -> list[int]:
    """All processes that a process started, and that those started, also in groups of their own."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True).stdout
    parents = {int(pid): int(parent) for pid, parent in map(str.split, listed.splitlines())}
    found, added = [of], True
    while added:
        added = False
        for pid, parent in parents.items():
            if parent in found and pid not in found:
                found.append(pid)
                added = True
    return found[1:]


def end_all() -> None:
    """End all processes that this one started: first politely, so that Airflow can note it, then by force."""
    known: set[int] = set()
    for number in (signal.SIGTERM, signal.SIGKILL):
        # Those whose parent has ended are no descendants any more, so they are remembered.
        known |= set(descendants(os.getpid()))
        for pid in known:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + SECONDS_TO_END
        while time.monotonic() < deadline and (known := {pid for pid in known if is_alive(pid)}):
            time.sleep(0.1)


def is_alive(pid: int) -> bool:
    """Whether a process runs. One that has ended, and was started here, is removed."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait(processes: dict[str, "subprocess.Popen[bytes]"], url: str, logs: Path) -> None:
    """Wait until the page answers. Raises PlainError if it does not."""
    deadline = time.monotonic() + SECONDS_TO_START
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline:
        check_running(processes, logs)
        with (
            suppress(urllib.error.URLError, OSError),
            direct.open(f"{url}/api/v2/monitor/health", timeout=5),
        ):
            return
        time.sleep(0.3)
    raise PlainError(f"Airflow does not answer within {SECONDS_TO_START} seconds; read {logs}")


def check_running(processes: dict[str, "subprocess.Popen[bytes]"], logs: Path) -> None:
    """Raise PlainError if a program has ended."""
    for name, process in processes.items():
        if process.poll() is not None:
            raise PlainError(f"airflow {name} has ended; read {logs / f'{name}.log'}")


def end(_number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does."""
    raise KeyboardInterrupt


def run(data: Path, port: int) -> None:
    """Start Airflow, print its address, and end it with this process."""
    if not (BIN / "airflow").exists():
        raise PlainError(
            f"{BIN / 'airflow'}: Airflow is not installed; run `make airflow`, which installs it"
        )
    port = free_port(port)
    home = data / "airflow"
    logs = home / "logs" / "programs"
    logs.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    environment = settings(data, port)
    url = f"http://{LOOPBACK}:{port}"
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        prepare(home, environment)
        for name, *options in PROGRAMS:
            with (logs / f"{name}.log").open("wb") as log:
                processes[name] = subprocess.Popen(
                    [BIN / "airflow", name, *options],
                    cwd=home,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C is for this process, which ends them in order
                )
        wait(processes, url, logs)
        print(
            f"Airflow: {url}/dags/pitwall_after_race\n"
            "There is no login. Trigger a run there, with the source `simulator` for a first look.\n"
            "Ctrl-C ends it.",
            flush=True,
        )
        while True:
            check_running(processes, logs)
            time.sleep(1)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        end_all()


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=whole_number, default=8090, help="the port (default: 8090)")
    port = parser.parse_args().port
    data = data_folder().absolute()
    return exit_code("airflow", lambda: run(data, port), data)


if __name__ == "__main__":
    sys.exit(main())
