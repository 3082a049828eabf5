"""Run the DAG in Airflow, each run in a process of its own with a database of its own.

Most tests run a copy of dags/ in a project of stand-ins: a program that stands for .venv/bin/python records
each call, and answers as the test says. The models are three. test_real.py runs the real commands.
"""

import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import run_dag
from aiosmtpd.controller import Controller

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
AIRFLOW = Path(sys.executable).with_name("airflow")
RACES = [  # name, start, whether it has results
    ("First Grand Prix", "2025-03-02T15:00:00Z", True),
    ("Second Grand Prix", "2025-03-09T15:00:00Z", True),
    ("Third Grand Prix", "2025-03-16T15:00:00Z", False),
]
# Stands for .venv/bin/python. It runs the first answer that fits the script, and uses each but the last once.
PROGRAM = f"""#!{sys.executable} -IS
import json, os, pathlib, subprocess, sys, time
root = pathlib.Path(__file__).parents[2]
script, arguments = pathlib.Path(sys.argv[1]).name, sys.argv[2:]
kept = ("PITWALL_DATA", "PITWALL_LAKE", "PITWALL_LOG", "PITWALL_END_WITH_PARENT")
with open(root / "calls", "a") as file:
    print(json.dumps([script, arguments, {{name: os.environ.get(name) for name in kept}}]), file=file)
answers = root / "answers" / script
files = sorted(answers.glob("*.py")) if answers.is_dir() else []
if len(files) > 1:
    files[0].rename(files[0].with_suffix(".used"))
    files[0] = files[0].with_suffix(".used")
if files:
    exec(files[0].read_text())
"""


def environment(home: Path, dags: Path, data: Path, **added: str) -> dict[str, str]:
    """The environment of Airflow: of the user's own settings nothing is left."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "PITWALL_", "PYTEST_"))
    }
    return {
        **kept,
        "PATH": f"{AIRFLOW.parent}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
        "AIRFLOW__COSMOS__CACHE_DIR": str(home / "cosmos"),
        "DO_NOT_TRACK": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "PITWALL_DATA": str(data),
        "PITWALL_RETRY_SECONDS": "0.2",
        **added,
    }


# What Airflow needs before the DAG can run. scripts/run_airflow.py makes it, as `make airflow` does.
PREPARE = """
import sys
from pathlib import Path
sys.path.insert(0, "scripts")
import run_airflow
data = Path(sys.argv[1])
(data / "airflow").mkdir(parents=True)
run_airflow.prepare(data / "airflow", run_airflow.settings(data, 1))
"""
PROCESSES = multiprocessing.get_context("forkserver")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a home of Airflow: an empty database with the pool, and what dbt has parsed."""
    data = tmp_path_factory.mktemp("prepared") / "data"
    python = ROOT / ".venv" / "bin" / "python"
    result = subprocess.run([python, "-c", PREPARE, data], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return data


@pytest.fixture(scope="session")
def database(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of Airflow. From here on, runs are copies of a process that has started Airflow."""
    home = tmp_path_factory.mktemp("airflow")
    started = environment(home, home / "no_dags", home / "data", PYTHONPATH=str(HERE))
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - started.keys():
            patch.delenv(name)
        for name, value in started.items():
            patch.setenv(name, value)
        PROCESSES.set_forkserver_preload(["started_airflow"])
        first = PROCESSES.Process(target=int)
        first.start()
        first.join()
    return prepared / "airflow" / "airflow.db"


class Result(NamedTuple):
    """How a run of the DAG ended."""

    run: str
    tasks: dict[str, str]
    tries: dict[str, int]
    output: str


class Run:
    """A process that runs the DAG, or looks at it."""

    def __init__(self, environment: dict[str, str], output: Path, function: str, *arguments: Any) -> None:
        self.output = output
        output.unlink(missing_ok=True)
        self.process = PROCESSES.Process(
            target=run_dag.process, args=(environment, output, function, *arguments), daemon=True
        )
        self.process.start()

    def answer(self) -> Any:
        """Wait for its end. Returns what it found."""
        self.process.join(timeout=240)
        self.process.kill()
        printed = self.printed()
        assert self.process.exitcode == 0, printed[-5000:]
        return json.loads(printed.splitlines()[-1])

    def result(self) -> Result:
        """Wait for its end. Returns how the run ended."""
        return Result(**self.answer(), output=self.printed())

    def printed(self) -> str:
        """What it has printed so far."""
        return self.output.read_text(encoding="utf-8", errors="replace") if self.output.exists() else ""


class Project:
    """A project in which the DAG runs, with a data folder and a home of Airflow."""

    def __init__(self, folder: Path, database: Path, dags: Path) -> None:
        self.folder, self.dags = folder, dags
        self.data, self.home = folder / "data", folder / "home"
        self.variables: dict[str, str] = {}
        (self.data / "airflow" / "target").mkdir(parents=True)
        self.home.mkdir()
        shutil.copy(database, self.home)

    def manifest(self, models: list[tuple[str, str, list[str]]]) -> None:
        """Write what dbt has parsed: these models."""
        nodes = dict(map(node, models))
        manifest = {"nodes": nodes, "sources": {}, "exposures": {}, "metadata": METADATA}
        (self.data / "airflow" / "target" / "manifest.json").write_text(json.dumps(manifest))

    def environment(self) -> dict[str, str]:
        """The environment of Airflow."""
        return environment(self.home, self.dags, self.data, **self.variables)

    def _process(self, function: str, *arguments: Any) -> Run:
        return Run(self.environment(), self.folder / "output.txt", function, *arguments)

    def about(self) -> dict[str, Any]:
        """What the DAG is, as Airflow sees it."""
        return dict(self._process("about").answer())

    def ask(self, function: str, *arguments: Any) -> Any:
        """What another function of run_dag.py returns."""
        return self._process(function, *arguments).answer()

    def start(self, when: str | None = None, *, sensors_run: bool = False, **conf: Any) -> Run:
        """Start a run of the DAG."""
        return self._process("run", conf, when, sensors_run)

    def run(self, when: str | None = None, *, sensors_run: bool = False, **conf: Any) -> Result:
        """Run the DAG."""
        return self.start(when, sensors_run=sensors_run, **conf).result()


class StandIn(Project):
    """A project of stand-ins."""

    def __init__(self, folder: Path, database: Path) -> None:
        shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        super().__init__(folder, database, folder / "dags")
        python = folder / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(PROGRAM)
        python.chmod(0o755)
        for name in ("scripts", "models", "seeds", "snapshots"):
            (folder / name).mkdir()
        for name in ("dbt_project.yml", "profiles.yml"):
            (folder / name).write_text("name: pitwall\n")
        self.manifest([*MODELS, SEED])
        self.calendar(RACES)
        self.news()
        self.answer("last_build.py", """print('{"tables": [], "revisions": []}')""")
        self.answer("build.py", builds(*(name for name, *_ in MODELS)))

    def calendar(self, races: list[tuple[str, str, bool]]) -> None:
        """Write the calendar as a conversion does."""
        rows = [{"name": name, "starts_at": start, "has_results": held} for name, start, held in races]
        (self.data / "parquet").mkdir(exist_ok=True)
        (self.data / "parquet" / "calendar.json").write_text(json.dumps(rows))

    def answer(self, script: str, *programs: str) -> None:
        """What a script does: each time it is called one of these, and then the last one again."""
        folder = self.folder / "answers" / script
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for number, program in enumerate(programs):
            (folder / f"{number}.py").write_text(textwrap.dedent(program))

    def news(self, **changed: Any) -> None:
        """What whats_new.py says."""
        known = {
            "is_new": True,
            "is_stale": False,
            "is_simulated": False,
            "message": "new: three races.",
            "input": "three races",
            "next_race": "2025 Third Grand Prix",
            "fingerprint": "f00d",
        }
        self.answer("whats_new.py", f"print({json.dumps(known | changed)!r})")

    def calls(self) -> list[Any]:
        """The commands that were called, with their arguments and some variables of their environment."""
        file = self.folder / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def called(self) -> list[str]:
        """The names of the commands that were called."""
        return [name for name, *_ in self.calls()]


METADATA = {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}
# name, schema, what it reads
MODELS = [
    ("stg_races", "staging", []),
    ("dim_races", "marts", ["stg_races"]),
    ("fct_results", "marts", ["dim_races"]),
]
SEED = ("points_systems", "seeds", [])  # builds() does not report it


def node(model: tuple[str, str, list[str]]) -> tuple[str, dict[str, Any]]:
    """A model or a seed in dbt's manifest."""
    name, schema, parents = model
    kind, folder, suffix = ("seed", "seeds", "csv") if schema == "seeds" else ("model", "models", "sql")
    unique_id = f"{kind}.pitwall.{name}"
    return unique_id, {
        "unique_id": unique_id,
        "name": name,
        "schema": schema,
        "resource_type": kind,
        "package_name": "pitwall",
        "original_file_path": f"{folder}/{schema}/{name}.{suffix}",
        "path": f"{schema}/{name}.{suffix}",
        "tags": [],
        "config": {"materialized": "table", "meta": {}},
        "depends_on": {"nodes": [f"model.pitwall.{parent}" for parent in parents]},
        "fqn": ["pitwall", schema, name],
    }


def dbt_event(name: str, text: str, level: str = "info", **about: str) -> str:
    """A line that dbt logs as JSON."""
    info = {"name": name, "level": level, "msg": text, "ts": "2026-01-01T00:00:00Z"}
    return json.dumps({"info": info, "data": {"node_info": about} if about else {}})


def pitwall_event(event: str, text: str, level: str = "info") -> str:
    """A line that a command of Pitwall logs as JSON."""
    known = {"ts": "2026-01-01T00:00:00Z", "command": "build", "event": event}
    return json.dumps(known | {"level": level, "message": text})


def builds(*models: str, fails: str = "", code: int = 0) -> str:
    """A build.py that reports these models as dbt does: as built, and one as failed."""
    lines = [pitwall_event("started", "Building the warehouse with dbt ...")]
    for model in models:
        status, level = ("error", "error") if model == fails else ("success", "info")
        about = {"unique_id": f"model.pitwall.{model}", "node_status": status, "resource_type": "model"}
        lines.append(dbt_event("LogModelResult", f"{status} {model}", level, **about))
    if fails:
        lines.append(dbt_event("PrintEvent", f"Failed: not_null_{fails}. The first rows:\nrace_id\n1109"))
        reason = "dbt build failed (exit code 1): the last good warehouse is unchanged"
        lines.append(pitwall_event("failed", reason, "error"))
    return f"print({chr(10).join(lines)!r}, flush=True)\nsys.exit({code})"


@pytest.fixture
def project(tmp_path: Path, database: Path) -> StandIn:
    """A project of stand-ins, in which everything succeeds."""
    return StandIn(tmp_path / "project", database)


class Alerts(NamedTuple):
    """What servers on loopback got."""

    mails: list[tuple[str, list[str], str, str]]  # sender, receivers, subject, text
    posts: list[dict[str, str]]

    def texts(self) -> list[str]:
        """All that was posted."""
        return [post["text"] for post in self.posts]


def free_port() -> int:
    """A port that no program uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def alerts_of(project: Project) -> Iterator[Alerts]:
    """A mail server and a webhook on loopback, for which a project has connections."""
    got = Alerts([], [])

    class Mails:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
            message = message_from_bytes(envelope.content)
            text = "".join(
                part.get_payload(decode=True).decode() for part in message.walk() if not part.is_multipart()
            )
            got.mails.append((envelope.mail_from, envelope.rcpt_tos, message["Subject"], text))
            return "250 OK"

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    port = free_port()  # its controller does not know a port that the system chose
    mail = Controller(Mails(), hostname="127.0.0.1", port=port)
    mail.start()
    hook = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=hook.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    project.variables["AIRFLOW_CONN_PITWALL_SMTP"] = json.dumps(
        {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": port,
            "extra": {
                "from_email": "pitwall@example.org",
                "to": "pit@example.org",
                "disable_ssl": True,
                "disable_tls": True,
            },
        }
    )
    project.variables["AIRFLOW_CONN_PITWALL_WEBHOOK"] = json.dumps(
        {"conn_type": "http", "host": f"http://127.0.0.1:{hook.server_port}/hook"}
    )
    yield got
    mail.stop()
    hook.shutdown()
    hook.server_close()
    thread.join()


@pytest.fixture
def alerts(project: StandIn) -> Iterator[Alerts]:
    """What the project sends."""
    with alerts_of(project) as got:
        yield got
