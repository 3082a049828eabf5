"""Run a command of the project as a stage of the DAG."""

import os
import subprocess
from collections import deque
from pathlib import Path

from airflow.sdk.exceptions import AirflowException, AirflowFailException

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("PITWALL_DATA") or ROOT / "data").absolute()
CAUSE = DATA / "airflow" / "cause.txt"  # why the last build failed: build_for_cosmos.py writes it
PYTHON = ROOT / ".venv" / "bin" / "python"
CAN_PASS = 75  # the exit code of a failure that can pass by itself: the network, a held lock
LAST_LINES = 20


def setting(name: str, default: str = "") -> str:
    """A setting of the environment, PITWALL_<name>."""
    return os.environ.get(f"PITWALL_{name}") or default


def variables(params: dict) -> dict[str, str]:
    """The environment variables of every command."""
    return {
        "PITWALL_DATA": str(DATA),
        "PITWALL_LAKE": params["lake"] or "",
        # A task that is killed leaves nothing behind.
        "PITWALL_END_WITH_PARENT": "1",
    }


def stage(params: dict, script: str, *arguments: str) -> str:
    """Run a command of the project, and show what it prints. Returns its last line.

    Raises:
        AirflowException: it failed, and the same command can succeed later.
        AirflowFailException: it failed, and another try would fail as well.
    """
    command = [PYTHON, ROOT / "scripts" / script, *arguments]
    print(f"Running scripts/{script} ...")  # an argument may be an address with a token
    lines: deque[str] = deque(maxlen=LAST_LINES)
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **variables(params)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            print(line.rstrip())
            lines.append(line.rstrip())
    last = lines[-1] if lines else f"{script}: it printed nothing"
    if process.returncode == CAN_PASS:
        raise AirflowException(last)
    if process.returncode:
        raise AirflowFailException(last)
    return last
