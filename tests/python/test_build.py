"""scripts/build.py with a stand-in for dbt: when it replaces the warehouse, and what a failure leaves."""

import fcntl
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT, SCRIPTS, SOURCES, record, run

from pitwall.command import TEMPORARY

# Writes a warehouse with FAKE_ROWS rows, records its arguments, and returns FAKE_EXIT.
FAKE_DBT = """
import json, os, sys
from pathlib import Path
import duckdb

def cli():
    connection = duckdb.connect(os.environ["PITWALL_WAREHOUSE"])
    connection.execute("create schema marts")
    connection.execute("create table marts.laps as select * from range(" + os.environ["FAKE_ROWS"] + ")")
    connection.execute("create view marts.laps_again as select * from marts.laps")
    connection.close()
    target = Path(sys.argv[sys.argv.index("--target-path") + 1])
    target.mkdir(exist_ok=True)
    results = [("test.merged", "pass"), ("test.sums", "pass"), ("model.laps", "success")]
    if "--exclude-resource-type" not in sys.argv:
        results.append(("unit_test.laps", "pass"))
    results = [{"unique_id": name, "status": status} for name, status in results]
    (target / "run_results.json").write_text(json.dumps({"results": results}))
    native = {"attached_node": "model.laps", "config": {"meta": {"merged": True}}}
    merged = {"attached_node": "model.laps", "config": {"meta": {}}, "test_metadata": {"name": "merged"}}
    sums = {"test_metadata": None, "config": {"meta": {"merged": False}}}
    nodes = {"test.merged": merged, "test.sums": sums} | {f"test.native_{each}": native for each in range(3)}
    manifest = {"nodes": nodes | {"model.laps": {"config": {"meta": {}}}}}
    (target / "manifest.json").write_text(json.dumps(manifest))
    calls = Path(os.environ["PITWALL_DATA"]) / "calls.json"
    call = {"cwd": os.getcwd(), "arguments": sys.argv[1:], "environment": dict(os.environ)}
    calls.write_text(json.dumps(call))
    print(os.environ.get("FAKE_OUTPUT", "output of dbt"))
    return int(os.environ["FAKE_EXIT"])
"""


class Project:
    """A folder with the scripts, a Parquet file and the stand-in for dbt."""

    def __init__(self, root: Path, fake: Path) -> None:
        self.root, self.fake = root, fake
        self.data = root / "my data"
        self.warehouse = self.data / "warehouse.duckdb"
        self.unfinished = self.data / ".build" / "warehouse.duckdb"
        shutil.copytree(SCRIPTS, root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / SOURCES, root / SOURCES)
        (self.data / "parquet").mkdir(parents=True)
        (self.data / "parquet" / "laps.parquet").write_bytes(b"no build reads this")
        record(self.data / "parquet")

    def build(self, *options: str, rows: int = 3, dbt_exit: int = 0, **environment: str) -> tuple[int, str]:
        """Run the script from another folder, with a data folder that is relative to it."""
        result = run(
            self.root / "scripts" / "build.py",
            *options,
            cwd=self.data.parent,
            PITWALL_DATA=self.data.name,
            PYTHONPATH=self.fake,
            FAKE_ROWS=str(rows),
            FAKE_EXIT=str(dbt_exit),
            **environment,
        )
        return result.returncode, result.stdout


@pytest.fixture
def project(tmp_path: Path, fake_dbt: Callable[[str], Path]) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    return Project(root, fake_dbt(FAKE_DBT))


def rows_in(warehouse: Path) -> int:
    with duckdb.connect(warehouse, read_only=True) as connection:
        return len(connection.execute("select * from marts.laps_again").fetchall())


def test_a_successful_build_replaces_the_warehouse(project: Project) -> None:
    code, output = project.build(rows=1234)
    assert (code, rows_in(project.warehouse)) == (0, 1234)
    assert "The warehouse is ready: my data/warehouse.duckdb, 2 tables with 2,468 rows in marts" in output
    assert "4 data tests passed, 1 unit tests passed.\n" in output
    assert not project.unfinished.exists()
    project.warehouse.with_name("warehouse.duckdb.wal").write_bytes(b"log of an aborted session")
    assert project.build(rows=5)[0] == 0
    assert rows_in(project.warehouse) == 5
    assert not list(project.data.glob("*.wal"))


def test_dbt_runs_in_the_project_from_any_folder(project: Project) -> None:
    project.build()
    call = json.loads((project.data / "calls.json").read_text())
    assert call["cwd"] == str(project.root)
    for option in ("--project-dir", "--profiles-dir"):
        assert call["arguments"][call["arguments"].index(option) + 1] == str(project.root)


def test_dbt_gets_no_variable_that_says_how_another_build_was_done(project: Project) -> None:
    of_the_user = {
        "DBT_EMPTY": "1",
        "DBT_TARGET": "postgres",
        "PITWALL_SEASONS": "2021",
        "PITWALL_RACES": "1",
        "PITWALL_HISTORY": "/elsewhere",
        "PITWALL_SCHEMA_SUFFIX": "_mine",
        "PGHOST": "db.example.org",
    }
    assert project.build(**of_the_user)[0] == 0
    environment = json.loads((project.data / "calls.json").read_text())["environment"]
    assert of_the_user.keys() & environment.keys() == {"PGHOST"}


def test_dbt_writes_no_log_into_the_project(project: Project) -> None:
    project.build()
    arguments = json.loads((project.data / "calls.json").read_text())["arguments"]
    assert Path(arguments[arguments.index("--log-path") + 1]).is_relative_to(project.data)


def test_a_failure_of_dbt_without_a_word_is_reported(project: Project) -> None:
    code, output = project.build(dbt_exit=3, FAKE_OUTPUT="")
    assert code == 2
    assert "dbt ended with exit code 3, and printed nothing.\n" in output


def test_a_failed_build_leaves_the_last_good_warehouse(project: Project) -> None:
    project.build(rows=3)
    before = project.warehouse.read_bytes()
    code, output = project.build(rows=4, dbt_exit=1)
    assert code == 2
    assert project.warehouse.read_bytes() == before
    assert "output of dbt" in output
    assert output.splitlines()[-1] == (
        "build: dbt build failed (exit code 1): the last good warehouse is unchanged; the failed one is kept "
        "for a look at my data/.build/warehouse.duckdb. Fix what dbt reports above, then start again."
    )
    assert rows_in(project.unfinished) == 4
    assert project.build(rows=6)[0] == 0, "the next build starts from an empty file"
    assert rows_in(project.warehouse) == 6


def test_a_failed_first_build_leaves_no_warehouse(project: Project) -> None:
    code, output = project.build(dbt_exit=1)
    assert code == 2
    assert "there is no warehouse yet" in output
    assert not project.warehouse.exists()


def test_an_open_reader_keeps_the_old_warehouse(project: Project) -> None:
    project.build(rows=3)
    with duckdb.connect(project.warehouse, read_only=True) as reader:
        assert project.build(rows=7)[0] == 0
        assert reader.execute("select count(*) from marts.laps").fetchone() == (3,)
    assert rows_in(project.warehouse) == 7


@pytest.mark.parametrize("missing", ["parquet", "."])
def test_without_data_the_message_says_what_to_do(project: Project, missing: str) -> None:
    shutil.rmtree(project.data / missing)
    code, output = project.build()
    assert code == 2
    assert output.count("\n") == 1
    assert "make build" in output
    assert not project.warehouse.exists()


def test_a_second_run_at_the_same_time_is_refused(project: Project) -> None:
    with (project.data / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, output = project.build()
    assert code == TEMPORARY
    assert "another run is using this folder" in output
    assert not (project.data / "calls.json").exists()


def unit_tests_ran(project: Project) -> bool:
    call = json.loads((project.data / "calls.json").read_text())
    return "unit_test" not in call["arguments"]


def parsed_fully(project: Project) -> bool:
    call = json.loads((project.data / "calls.json").read_text())
    return "--no-partial-parse" in call["arguments"]


def test_changed_code_is_parsed_fully(project: Project) -> None:
    """A partial parse can lose the snapshot; then dbt fails until a full parse."""
    project.build()
    assert parsed_fully(project)
    for options in ([], ["--unit-tests", "always"]):
        project.build(*options)
        assert not parsed_fully(project)
    (project.root / "dbt_project.yml").write_text("name: changed\n")
    for dbt_exit in (1, 0):
        project.build(dbt_exit=dbt_exit)
        assert parsed_fully(project)


def test_unit_tests_run_after_the_code_changed(project: Project) -> None:
    skipped = "4 data tests passed, 1 unit tests passed with this code before.\n"
    assert skipped not in project.build()[1]
    for _ in range(2):
        assert skipped in project.build()[1]
        assert not unit_tests_ran(project)
    assert skipped not in project.build("--unit-tests", "always")[1]
    assert unit_tests_ran(project)
    (project.root / "dbt_project.yml").write_text("name: changed\n")
    assert skipped not in project.build()[1]
    assert unit_tests_ran(project)
    assert skipped in project.build()[1]


def test_unit_tests_run_after_a_failure(project: Project) -> None:
    """Also if the failed build did not run them."""
    project.build(dbt_exit=1)
    for dbt_exit in (1, 0):
        project.build(dbt_exit=dbt_exit)
        assert unit_tests_ran(project)
    project.build(dbt_exit=1)
    assert not unit_tests_ran(project)
    project.build()
    assert unit_tests_ran(project)


@pytest.mark.parametrize("content", ["", "no fingerprint 3\n", "\0", "\xff"])
def test_unit_tests_run_if_their_record_is_damaged(project: Project, content: str) -> None:
    project.build()
    unit_test_record = project.data / ".build" / "target" / "unit_tests_passed"
    assert unit_test_record.is_file()
    unit_test_record.write_bytes(content.encode("latin-1"))
    assert project.build()[0] == 0
    assert unit_tests_ran(project)
