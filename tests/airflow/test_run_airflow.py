"""scripts/run_airflow.py: what `make airflow` starts, and that nothing of it is left.

Airflow starts once. How it ends after each signal is tested with a stand-in for its programs.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from conftest import ROOT, free_port

PYTHON = ROOT / ".venv" / "bin" / "python"
# Stands for `airflow`. Each program has a child in a group of its own, and one ignores SIGTERM.
PROGRAM = f"""#!{sys.executable} -IS
import http.server, os, signal, subprocess, sys, time
name = sys.argv[1]
if name in ("db", "pools"):
    sys.exit()
if name == "triggerer":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
if name == "api-server":
    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
    http.server.HTTPServer(("127.0.0.1", int(os.environ["AIRFLOW__API__PORT"])), Health).serve_forever()
time.sleep(60)
"""


def start(root: Path, data: Path, port: int) -> "subprocess.Popen[str]":
    """Start Airflow."""
    return subprocess.Popen(
        [PYTHON, root / "scripts" / "run_airflow.py", f"--port={port}"],
        env={**os.environ, "PITWALL_DATA": str(data), "PITWALL_SOURCE": "simulator"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_address(process: "subprocess.Popen[str]", port: int) -> list[psutil.Process]:
    """Wait until it prints the address. Returns its programs."""
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(4)]
    assert lines[1] == f"Airflow: http://127.0.0.1:{port}/dags/pitwall_after_race\n", lines
    return psutil.Process(process.pid).children(recursive=True)


def left(programs: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run."""
    return [program for program in programs if program.is_running() and program.status() != "zombie"]


def get(address: str) -> dict:
    """What Airflow answers."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(address, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.slow
def test_airflow_runs_on_loopback_and_ends_completely(prepared: Path, tmp_path: Path) -> None:
    """With a database that an earlier start made: a first start makes one as the other tests do."""
    shutil.copytree(prepared, tmp_path / "data")
    port = free_port()
    process = start(ROOT, tmp_path / "data", port)
    assert len(wait_for_address(process, port)) >= 4
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        dags = get(f"http://127.0.0.1:{port}/api/v2/dags")["dags"]  # there is no login
        if dags:
            break
        time.sleep(0.5)
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
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=90)
    assert process.returncode == 130
    assert left(programs) == []
    for name in ("api.key", "jwt.key"):
        assert (tmp_path / "data" / "airflow" / name).stat().st_mode & 0o777 == 0o600


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with a stand-in for Airflow."""
    root = tmp_path_factory.mktemp("run_airflow")
    shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    script = root / "scripts" / "run_airflow.py"
    script.write_text(script.read_text().replace("SECONDS_TO_END = 15", "SECONDS_TO_END = 1"))
    for environment in (".venv", ".venv-airflow"):
        (root / environment / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "dbt").symlink_to("/bin/true")
    program = root / ".venv-airflow" / "bin" / "airflow"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    return root


def wait_for_all(process: "subprocess.Popen[str]", port: int) -> list[psutil.Process]:
    """Wait until the four programs of the stand-in have a child each. Returns all of them."""
    programs = wait_for_address(process, port)
    deadline = time.monotonic() + 20
    while len(programs) < 8 and time.monotonic() < deadline:
        time.sleep(0.1)
        programs = psutil.Process(process.pid).children(recursive=True)
    assert len(programs) == 8
    return programs


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_ends_all_programs(project: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Also those in a group of their own, and one that ignores a polite request."""
    port = free_port()
    process = start(project, tmp_path / "data", port)
    programs = wait_for_all(process, port)
    process.send_signal(number)
    process.communicate(timeout=90)
    assert process.returncode == 130
    assert left(programs) == []


def test_a_program_that_ends_is_reported_and_the_others_end(project: Path, tmp_path: Path) -> None:
    port = free_port()
    process = start(project, tmp_path / "data", port)
    programs = wait_for_all(process, port)
    [scheduler] = [program for program in programs if "scheduler" in program.cmdline()]
    for program in (*scheduler.children(), scheduler):
        program.kill()
    output = process.communicate(timeout=90)[0]
    assert process.returncode == 2
    log = tmp_path / "data" / "airflow" / "logs" / "programs" / "scheduler.log"
    assert output == f"airflow: airflow scheduler has ended; read {log}\n"
    assert left(programs) == []


def test_a_taken_port_is_reported_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = start(ROOT, tmp_path, server.getsockname()[1])
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 2
    assert output.startswith("airflow: port ")
    assert output.endswith("Address already in use; name another with PORT=number\n")
