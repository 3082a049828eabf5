"""scripts/run_airflow.py: what `make airflow` starts, and that nothing of it is left."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from conftest import ROOT

PYTHON = ROOT / ".venv" / "bin" / "python"
START = [PYTHON, ROOT / "scripts" / "run_airflow.py"]
pytestmark = pytest.mark.slow


def free_port() -> int:
    """A port that no program uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def start(data: Path, port: int) -> "subprocess.Popen[str]":
    """Start Airflow."""
    return subprocess.Popen(
        [*START, f"--port={port}"],
        env={**os.environ, "PITWALL_DATA": str(data), "PITWALL_SOURCE": "simulator"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def get(address: str) -> dict:
    """What Airflow answers."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(address, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_airflow_runs_on_loopback_and_ends_completely(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    process = start(tmp_path, port)
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(4)]
    assert lines[1] == f"Airflow: http://127.0.0.1:{port}/dags/pitwall_after_race\n", lines
    programs = psutil.Process(process.pid).children(recursive=True)
    assert len(programs) >= 4
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        dags = get(f"http://127.0.0.1:{port}/api/v2/dags")["dags"]  # there is no login
        if dags:
            break
        time.sleep(1)
    assert [(dag["dag_id"], dag["is_paused"]) for dag in dags] == [("pitwall_after_race", False)]
    programs = psutil.Process(process.pid).children(recursive=True)
    listening = {
        connection.laddr
        for program in programs
        for connection in program.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert port in {address.port for address in listening}
    process.send_signal(number)
    process.communicate(timeout=90)
    assert process.returncode == 130
    left = [program for program in programs if program.is_running() and program.status() != "zombie"]
    assert left == []
    for name in ("api.key", "jwt.key"):
        assert (tmp_path / "airflow" / name).stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_reported_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = start(tmp_path, server.getsockname()[1])
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 2
    assert output.startswith("airflow: port ")
    assert output.endswith("Address already in use; name another with PORT=number\n")
