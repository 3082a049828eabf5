"""The DAG in Airflow with the project's real commands, on a simulated season.

Building takes most of the time, so one project goes through it all: a backfill of the first races, a broken
rule, a build that is killed, and a run that succeeds after that. Each fixture is one of these steps.
"""

import csv
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from conftest import HERE, ROOT, Project, Result, alerts_of

PYTHON = ROOT / ".venv" / "bin" / "python"
# The sensors of these are shown. All of dbt runs.
SHOWN = [
    ("stg_ergast__races", "staging", []),
    ("dim_races", "marts", ["stg_ergast__races"]),
    ("fct_race_results", "marts", ["dim_races"]),
]
# In a new process, which has imported only what Airflow's own programs have.
ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
import run_dag
print(json.dumps(run_dag.about()))
"""
RACES = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
print(connection.sql("select count(*) from marts.dim_races where is_held").fetchall()[0][0])
"""
BUILT = "OK created sql table model"  # dbt prints it
LOCKED = "another run is using this folder"
FINGERPRINT = (
    "import sys; sys.path.insert(0, 'scripts'); from pitwall.command import ROOT; "
    "from pitwall.warehouse.fingerprint import code_fingerprint; print(code_fingerprint(ROOT))"
)


def command(*arguments: str | Path, python: Path = PYTHON, **variables: str) -> str:
    """Run a command of the project."""
    result = subprocess.run(
        [python, *arguments], cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def rewrite(raw: Path, table: str, change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> None:
    """Change the rows of a raw CSV."""
    path = raw / f"{table}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = change(list(reader))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(reader.fieldnames or []))
        writer.writeheader()
        writer.writerows(rows)


def without_last_race(raw: Path, fewer: Path) -> None:
    """Copy raw files without the last race."""
    shutil.copytree(raw, fewer)
    with (raw / "races.csv").open(newline="", encoding="utf-8") as file:
        last = [row["raceId"] for row in csv.DictReader(file)][-1]
    for path in fewer.glob("*.csv"):
        if "raceId" in path.read_text(encoding="utf-8").partition("\n")[0]:
            rewrite(fewer, path.stem, lambda rows: [row for row in rows if row["raceId"] != last])


class Real(Project):
    """The project itself, with a data folder of its own."""

    def __init__(self, folder: Path, database: Path) -> None:
        folder.mkdir(exist_ok=True)
        super().__init__(folder, database, ROOT / "dags")
        self.manifest(SHOWN)
        self.warehouse = self.data / "warehouse.duckdb"
        self.passed = f"{command('-c', FINGERPRINT).strip()} 1\n"

    def pass_unit_tests(self) -> None:
        """Record that the unit tests passed with this code, so that a build does not run them."""
        target = self.data / ".build" / "target"
        target.mkdir(parents=True, exist_ok=True)
        (target / "unit_tests_passed").write_text(self.passed)

    def sha256(self) -> str:
        """Of the warehouse."""
        return hashlib.sha256(self.warehouse.read_bytes()).hexdigest()

    def races(self) -> int:
        """How many races the warehouse has."""
        return int(command("-c", RACES, self.warehouse))

    def programs(self) -> list[str]:
        """The programs that work on the data folder."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("PITWALL_DATA") == str(self.data):
                    found.append(" ".join(process.cmdline()))
        return found


class Step(NamedTuple):
    """What one or more runs did."""

    runs: list[Result]
    before: str  # the SHA-256 of the warehouse
    after: str
    alerts: tuple[str, ...] = ()
    left: tuple[str, ...] = ()  # the programs that still run
    new_races: int = 0


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw files of a simulated season: `all`, and `fewer` without the last race."""
    folder = tmp_path_factory.mktemp("files")
    command("scripts/simulate.py", "--seasons", "1", folder / "all")
    without_last_race(folder / "all", folder / "fewer")
    return folder


@pytest.fixture(scope="module")
def project(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Real:
    """The project that goes through it all."""
    return Real(tmp_path_factory.mktemp("real") / "project", database)


@pytest.fixture(scope="module")
def backfilled(project: Real, files: Path) -> Step:
    """Runs for three races, of which the first finds the data of all."""
    project.pass_unit_tests()
    dates = [f"2021-03-{day:02}T19:00:00+00:00" for day in (7, 14, 28)]
    first = project.run(dates[0], source=str(files / "fewer"))
    before = project.sha256()
    others = [project.run(when, source=str(files / "fewer")) for when in dates[1:]]
    return Step([first, *others], before, project.sha256())


@pytest.fixture(scope="module")
def broken(project: Real, files: Path, backfilled: Step) -> Step:
    """A run with data that break a rule."""
    raw = shutil.copytree(files / "all", project.folder / "raw")

    def too_many_points(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        rows[0]["points"] = "99"
        return rows

    rewrite(raw, "results", too_many_points)
    before = project.sha256()
    with alerts_of(project) as alerts:
        result = project.run(source=str(raw))
    return Step([result], before, project.sha256(), alerts=tuple(alerts.texts()))


@pytest.fixture(scope="module")
def killed(project: Real, files: Path, broken: Step) -> Step:
    """A run that is killed while dbt builds."""
    before = project.sha256()
    project.pass_unit_tests()
    run = project.start(source=str(files / "all"))
    deadline = time.monotonic() + 200
    while BUILT not in run.printed() and run.process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.1)
    programs = "\n".join(project.programs())
    for name in ("build_for_cosmos.py", "build.py", "bin/dbt"):
        assert name in programs, run.printed()[-5000:]
    run.process.kill()
    run.process.join()
    while project.programs() and time.monotonic() < deadline:
        time.sleep(0.1)
    return Step([], before, project.sha256(), left=tuple(project.programs()))


@pytest.fixture(scope="module")
def address(files: Path) -> Iterator[str]:
    """Where the files with one more race can be downloaded. The first answer is: too busy."""
    content = Path(shutil.make_archive(str(files / "all"), "zip", files / "all")).read_bytes()
    answers = iter([503])

    class Source(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(next(answers, 200))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Source)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/data.zip"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def recovered(project: Real, address: str, killed: Step) -> Step:
    """The next run: the source is down and comes back, and `make build` has the lock for a while."""
    before, races = project.sha256(), project.races()
    project.pass_unit_tests()
    with (project.data / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run = project.start(source=address, publish_to=str(project.folder / "public"))
        deadline = time.monotonic() + 60
        while LOCKED not in run.printed() and run.process.is_alive() and time.monotonic() < deadline:
            time.sleep(0.1)
    result = run.result()
    return Step([result], before, project.sha256(), new_races=project.races() - races)


@pytest.mark.slow
def test_a_backfill_of_three_races_builds_once(project: Real, backfilled: Step) -> None:
    assert [result.run for result in backfilled.runs] == ["success"] * 3
    assert [result.tasks["nothing_new"] for result in backfilled.runs] == ["skipped", "success", "success"]
    assert backfilled.before == backfilled.after
    for result in backfilled.runs[1:]:
        assert "nothing new: simulated seasons 2021 to 2021." in result.output
    assert (project.data / "releases").is_dir()


@pytest.mark.slow
def test_a_broken_rule_changes_nothing_and_is_named(broken: Step) -> None:
    [result] = broken.runs
    assert result.run == "failed"
    assert result.tasks["dbt.dbt_producer_watcher"] == "failed"
    assert broken.before == broken.after
    [text] = broken.alerts
    assert "race_points_follow_the_rules" in text
    assert "99" in text
    assert "the last good warehouse is unchanged" in text


@pytest.mark.slow
def test_a_build_killed_in_the_middle_changes_nothing(killed: Step) -> None:
    assert killed.before == killed.after
    assert not killed.left, "these programs still run"


@pytest.mark.slow
def test_one_more_race_arrives(project: Real, recovered: Step) -> None:
    """After a broken rule and a killed build."""
    [result] = recovered.runs
    assert result.run == "success"
    assert recovered.before != recovered.after
    assert recovered.new_races == 1
    newest = sorted((project.data / "releases").iterdir())[-1]
    assert (project.folder / "public").resolve().name == f"public.{newest.name}"


@pytest.mark.slow
def test_a_source_that_is_down_is_asked_again(recovered: Step) -> None:
    assert recovered.runs[0].tries["fetch"] == 2


@pytest.mark.slow
def test_a_run_waits_for_a_build_by_hand(recovered: Step) -> None:
    assert recovered.runs[0].tries["convert"] > 1


def test_every_model_has_a_task_and_every_mart_is_an_asset(
    prepared: Path, database: Path, tmp_path: Path
) -> None:
    project = Real(tmp_path / "project", database)
    manifest = project.data / "airflow" / "target" / "manifest.json"
    shutil.copy(prepared / "airflow" / "target" / "manifest.json", manifest)
    nodes = json.loads(manifest.read_text())["nodes"].values()
    dag = json.loads(
        command("-c", ASK, HERE, python=Path(sys.executable), **project.environment()).splitlines()[-1]
    )
    assert dag["parse_seconds"] < 2
    marts = {f"pitwall://marts/{each['name']}" for each in nodes if each["schema"] == "marts"}
    assert set(dag["assets"]) == marts
    assert len(marts) > 40
    shown = {
        f"dbt.{each['name']}_{kind}"
        for each in nodes
        for kind in [{"model": "run", "seed": "seed", "snapshot": "snapshot"}.get(each["resource_type"])]
        if kind
    }
    assert shown == {
        name for name in dag["tasks"] if name.startswith("dbt.") and "producer_watcher" not in name
    }
