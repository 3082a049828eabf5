#!/usr/bin/env python3
"""Show the runs of `make train`, and the registered models, in MLflow's own pages, on this machine only.

It prints the address. Ctrl-C ends it, with all processes of MLflow.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from pitwall.address import LOOPBACK, address
from pitwall.command import ROOT, Parser, PlainError, exit_code, require, whole_number
from pitwall.data_folder import data_folder

require(
    "duckdb",
    "polars",
    "mlflow",
    "pandas",
    "sqlalchemy",
    "fastapi",
    "uvicorn",
    "scipy",
    "lightgbm",
    installed_by="make mlflow",
)

from pitwall.prediction import serving, tracking  # noqa: E402

PROGRAM = ROOT / ".venv-mlflow" / "bin" / "mlflow"
RUNS = "#/experiments/1/runs?workflowType=machine_learning"
SECONDS_TO_START = 120
SECONDS_TO_END = 10
# Without the first setting, MLflow starts 14 processes.
SETTINGS = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
}


def end(_number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does."""
    raise KeyboardInterrupt


def last_line(log: BinaryIO) -> str:
    """The last line of what MLflow printed."""
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it printed nothing")


def wait(process: "subprocess.Popen[bytes]", address: str, log: BinaryIO) -> None:
    """Wait until the server answers. Raises PlainError if it does not."""
    deadline = time.monotonic() + SECONDS_TO_START
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(urllib.error.URLError, OSError), direct.open(f"{address}/health", timeout=5):
            return
        time.sleep(0.2)
    raise PlainError(f"MLflow does not start: {last_line(log)}")


def show(data: Path, port: int) -> None:
    """Start the server, print its address, and end it with this process."""
    store = data.absolute() / tracking.FOLDER
    if not (store / "mlflow.db").exists():
        raise PlainError(f"{store}: there are no runs yet; run `make train` first")
    with tracking.opened(data):
        pass  # checks the store, and corrects its paths if the folder was moved
    serving.listen(port).close()
    # A shell lets the commands that it starts in the background ignore SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    command: list[str | Path] = [PROGRAM, "server", "--backend-store-uri", tracking.database_uri(store)]
    command += ["--artifacts-destination", (store / "artifacts").as_uri()]
    command += ["--host", address(), "--port", str(port), "--workers", "1"]
    url = f"http://{LOOPBACK}:{port}"
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            cwd=store,
            env=os.environ | SETTINGS,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait(process, url, log)
            print(f"The runs: {url}/{RUNS}\nCtrl-C ends it.", flush=True)
            process.wait()
            raise PlainError(f"MLflow has ended: {last_line(log)}")
        finally:
            # It has children of its own.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(SECONDS_TO_END)
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=whole_number, default=5000, help="the port (default: 5000)")
    port = parser.parse_args().port
    data = data_folder()
    return exit_code("mlflow", lambda: show(data, port), PROGRAM)


if __name__ == "__main__":
    sys.exit(main())
