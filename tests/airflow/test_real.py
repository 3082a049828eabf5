"""The DAG in Airflow with the project's real commands, on a simulated season."""

import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Alerts, Project, about

PYTHON = ROOT / ".venv" / "bin" / "python"
# The sensors of these are shown. All of dbt runs.
SHOWN = [
    ("stg_ergast__races", "staging", []),
    ("dim_races", "marts", ["stg_ergast__races"]),
    ("fct_race_results", "marts", ["dim_races"]),
]
FINGERPRINT = (
    "import sys; sys.path.insert(0, 'scripts'); from pitwall.command import ROOT; "
    "from pitwall.warehouse.fingerprint import code_fingerprint; print(code_fingerprint(ROOT))"
)


def command(*arguments: str | Path, **variables: str) -> str:
    """Run a command of the project."""
    result = subprocess.run(
        [PYTHON, *arguments], cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True
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

    def pass_unit_tests(self) -> None:
        """Record that the unit tests passed with this code, so that a build does not run them."""
        target = self.data / ".build" / "target"
        target.mkdir(parents=True, exist_ok=True)
        (target / "unit_tests_passed").write_text(f"{command('-c', FINGERPRINT).strip()} 1\n")

    def sha256(self) -> str:
        """Of the warehouse."""
        return hashlib.sha256(self.warehouse.read_bytes()).hexdigest()

    def races(self) -> int:
        """How many races the warehouse has."""
        count = "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).sql(sys.argv[2]))"
        query = "select count(*) from marts.dim_races where is_held"
        return int("".join(filter(str.isdigit, command("-c", count, self.warehouse, query).splitlines()[-3])))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw files of a simulated season: `all`, and `fewer` without the last race."""
    folder = tmp_path_factory.mktemp("files")
    command("scripts/simulate.py", "--seasons", "1", folder / "all")
    without_last_race(folder / "all", folder / "fewer")
    return folder


@pytest.fixture(scope="module")
def built(files: Path, database: Path, tmp_path_factory: pytest.TempPathFactory) -> Real:
    """A project after its first run, without the last race. Copy it before you run it again."""
    project = Real(tmp_path_factory.mktemp("real"), database)
    project.pass_unit_tests()
    result = project.run(source=str(files / "fewer"))
    assert result.run == "success", result.output[-5000:]
    return project


@pytest.fixture
def project(built: Real, database: Path, tmp_path: Path) -> Real:
    """A copy of the project after its first run."""
    copy = Real(tmp_path / "project", database)
    shutil.rmtree(copy.data)
    shutil.copytree(built.data, copy.data)
    copy.pass_unit_tests()
    return copy


def test_the_first_run_builds_and_the_second_has_nothing_new(built: Real, files: Path) -> None:
    before = built.sha256()
    assert (built.data / "releases").is_dir()
    result = built.run(source=str(files / "fewer"))
    assert (result.run, result.tasks["nothing_new"]) == ("success", "success")
    assert "nothing new: simulated seasons 2021 to 2021." in result.output
    assert built.sha256() == before


def test_every_model_has_a_task_and_every_mart_is_an_asset(database: Path, tmp_path: Path) -> None:
    project = Real(tmp_path / "project", database)
    target = project.data / "airflow" / "target"
    parse = [PYTHON.with_name("dbt"), "--quiet", "--log-level-file", "none", "--log-path", tmp_path, "parse"]
    subprocess.run(
        [*parse, "--target-path", target],
        cwd=ROOT,
        check=True,
        env={**os.environ, "DO_NOT_TRACK": "1"},
    )
    nodes = json.loads((target / "manifest.json").read_text())["nodes"].values()
    dag = about(project)
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


@pytest.mark.slow
def test_one_more_race_arrives(project: Real, files: Path) -> None:
    before = project.races()
    result = project.run(source=str(files / "all"))
    assert result.run == "success"
    assert project.races() == before + 1


@pytest.mark.slow
def test_a_broken_rule_changes_nothing_and_is_named(
    project: Real, files: Path, tmp_path: Path, alerts: Alerts
) -> None:
    raw = shutil.copytree(files / "all", tmp_path / "raw")

    def too_many_points(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        rows[0]["points"] = "99"
        return rows

    rewrite(raw, "results", too_many_points)
    before = project.sha256()
    result = project.run(source=str(raw))
    assert result.run == "failed"
    assert result.tasks["dbt.dbt_producer_watcher"] == "failed"
    assert project.sha256() == before
    [text] = alerts.texts()
    assert "race_points_follow_the_rules" in text
    assert "99" in text
    assert "the last good warehouse is unchanged" in text
    assert project.run(source=str(files / "all")).run == "success"


@pytest.mark.slow
def test_a_build_killed_in_the_middle_changes_nothing(project: Real, files: Path) -> None:
    before = project.sha256()
    process = project.start(source=str(files / "all"))
    deadline = time.monotonic() + 200
    while not programs_of(project, "dbt") and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(3)  # dbt has started to work
    process.send_signal(signal.SIGKILL)
    process.communicate()
    while programs_of(project) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert programs_of(project) == []
    assert project.sha256() == before
    project.pass_unit_tests()
    assert project.run(source=str(files / "all")).run == "success"
    assert project.sha256() != before


def programs_of(project: Real, name: str = "") -> list[str]:
    """The commands that run on a data folder: of dbt, or of any program."""
    listed = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True).stdout
    words = f"/bin/{name}"
    return [line for line in listed.splitlines() if str(project.data) in line and words in line]


@pytest.mark.slow
def test_a_run_beside_a_build_by_hand_waits_for_it(project: Real, files: Path) -> None:
    """The lock of the data folder is held for a while, as by `make build`."""
    holder = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); "
        "print('held', flush=True); time.sleep(15)"
    )
    with subprocess.Popen(
        [PYTHON, "-c", holder, project.data / ".lock"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        project.variables["PITWALL_RETRY_SECONDS"] = "3"
        result = project.run(source=str(files / "all"))
    assert result.run == "success"
    assert result.tries["convert"] > 1
