"""The history of revised results: build.py copies it into the next warehouse, and dbt adds to it."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import ROOT, SCRIPTS, SOURCES, record, run

from pitwall.warehouse.base import is_of_other_results
from pitwall.warehouse.duckdb import STORAGE
from pitwall.warehouse.journal import FILE, KILLED
from pitwall.warehouse.sql import glob_pattern

# Writes a revision as a dbt snapshot does: ends the current version and adds a new one. FAKE_END is the exit
# code, or "killed".
FAKE_DBT = """
import os, sys
from pathlib import Path
from typing import Any
import duckdb

def cli():
    connection = duckdb.connect(os.environ["PITWALL_WAREHOUSE"])
    connection.execute("create schema marts")
    connection.execute("create schema if not exists snapshots")
    history = "snapshots.race_results_history"
    connection.execute(
        f"create table if not exists {history} (result_id int, race_id int, driver_id int, points int, "
        "dbt_valid_from timestamp, dbt_valid_to timestamp)"
    )
    results = Path(os.environ["PITWALL_DATA"], "parquet", "results.parquet")
    connection.execute(f"update {history} set dbt_valid_to = now()::timestamp where dbt_valid_to is null")
    connection.execute(f"insert into {history} select *, now()::timestamp, null from '{results}'")
    connection.close()
    if os.environ["FAKE_END"] == "killed":
        os.kill(os.getppid(), 9)
        os._exit(9)
    target = Path(sys.argv[sys.argv.index("--target-path") + 1])
    target.mkdir(exist_ok=True)
    (target / "run_results.json").write_text('{"results": []}')
    (target / "manifest.json").write_text('{"nodes": {}}')
    return int(os.environ["FAKE_END"])
"""


class Project:
    """A folder with the scripts, a few results and the stand-in for dbt."""

    def __init__(self, root: Path, fake: Path) -> None:
        self.root, self.fake = root, fake
        self.data = root / "data"
        self.warehouse = self.data / "warehouse.duckdb"
        shutil.copytree(SCRIPTS, root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / SOURCES, root / SOURCES)
        (self.data / "parquet").mkdir(parents=True)

    def build(
        self, points: int, dbt_end: str = "0", driver: int = 44, result: int = 1, results_count: int = 1
    ) -> tuple[int, str]:
        """Build from results with these points, this driver, and ids from this one on."""
        results = self.data / "parquet" / "results.parquet"
        duckdb.sql(
            f"copy (select {result} + i as result_id, 9 as race_id, {driver} as driver_id, "
            f"{points} as points from range({results_count}) as ids(i)) to '{results}'"
        )
        record(results.parent)
        script = self.root / "scripts" / "build.py"
        result = run(script, cwd=self.root, PYTHONPATH=self.fake, FAKE_END=dbt_end)
        return result.returncode, result.stdout


@pytest.fixture
def project(tmp_path: Path, fake_dbt: Callable[[str], Path]) -> Project:
    return Project(tmp_path / "project", fake_dbt(FAKE_DBT))


def builds_in(warehouse: Path) -> list[dict[str, Any]]:
    """The rows of ops.builds, oldest first."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        result = connection.execute("from ops.builds order by built_at")
        names = [name for name, *_ in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def points_in(warehouse: Path) -> list[int]:
    """The points of each version, oldest first."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        query = "select points from snapshots.race_results_history order by dbt_valid_to nulls last"
        return [points for (points,) in connection.execute(query).fetchall()]


def test_each_build_adds_to_the_history(project: Project) -> None:
    for points in (25, 18, 15):
        assert project.build(points)[0] == 0
    assert points_in(project.warehouse) == [25, 18, 15]


def test_each_build_adds_a_row_to_the_builds(project: Project) -> None:
    """One that failed gets its row from the next one. The builds before another championship stay, too."""
    project.build(25)
    project.build(99, dbt_end="1")
    project.build(99, dbt_end="killed")
    assert [row["outcome"] for row in builds_in(project.warehouse)] == ["succeeded"]
    project.build(18)
    project.build(15, driver=1, result=100)
    rows = builds_in(project.warehouse)
    assert [row["outcome"] for row in rows] == [
        "succeeded",
        "failed",
        "interrupted",
        "succeeded",
        "succeeded",
    ]
    assert [row["reason"] for row in rows] == [None, "dbt build failed (exit code 1)", KILLED, None, None]
    assert [row["plan"].partition(":")[0] for row in rows] == ["full"] * 5
    assert rows[0]["plan"] == "full: there is no warehouse yet"
    assert [row["duration_ms"] is None for row in rows] == [False, False, True, False, False]
    assert not (project.data / FILE).exists()


@pytest.mark.parametrize("dbt_end", ["1", "killed"])
def test_a_build_that_fails_or_is_killed_loses_no_history(project: Project, dbt_end: str) -> None:
    project.build(25)
    project.build(18)
    assert project.build(99, dbt_end=dbt_end)[0] != 0
    assert points_in(project.warehouse) == [25, 18]
    project.build(15)
    assert points_in(project.warehouse) == [25, 18, 15]


def test_history_that_is_only_in_the_write_ahead_log_is_kept(project: Project) -> None:
    project.build(25)
    write = (
        "import duckdb, os, sys; connection = duckdb.connect(sys.argv[1]); connection.execute("
        '"insert into snapshots.race_results_history '
        'values (1, 9, 44, 24, now()::timestamp, now()::timestamp)"); os._exit(9)'
    )
    run(sys.executable, "-c", write, project.warehouse)
    assert project.warehouse.with_name("warehouse.duckdb.wal").exists()
    project.build(18)
    assert sorted(points_in(project.warehouse)) == [18, 24, 25]


def test_an_unreadable_warehouse_is_not_replaced(project: Project) -> None:
    project.build(25)
    project.warehouse.write_bytes(b"no database" * 1000)
    code, output = project.build(18)
    assert code == 2
    assert output.splitlines()[0].startswith(
        "build: data/warehouse.duckdb: cannot be read, and no other file"
    )
    assert output.count("\n") == 1
    assert project.warehouse.read_bytes() == b"no database" * 1000
    project.warehouse.unlink()
    assert project.build(18)[0] == 0
    assert points_in(project.warehouse) == [18]


def test_a_program_that_writes_to_the_warehouse_is_named_before_the_metrics(project: Project) -> None:
    command = project.root / "scripts" / "check_warehouse.py"
    missing = run(command, cwd=project.root)
    assert missing.stdout == (
        "check_warehouse: data/warehouse.duckdb: is not built yet; `make build` builds it\n"
    )
    project.build(25)
    with duckdb.connect(project.warehouse):
        held = run(command, cwd=project.root)
    message = f"(PID {os.getpid()}) has it open; end that program, then start again\n"
    assert (missing.returncode, held.returncode) == (2, 2)
    assert held.stdout.endswith(message)
    assert held.stdout.count("\n") == 1
    assert run(command, cwd=project.root).returncode == 0


def test_a_build_is_refused_while_another_program_writes_to_the_warehouse(project: Project) -> None:
    project.build(25)
    with duckdb.connect(project.warehouse):
        code, output = project.build(18)
    assert code == 2
    assert f"(PID {os.getpid()}) has it open; end that program, then start again" in output
    assert project.build(18)[0] == 0


OTHERS = pytest.mark.parametrize("others", [{"driver": 63}, {"result": 2}], ids=["drivers", "ids"])


@OTHERS
@pytest.mark.parametrize("points", [[25], [25, 18]], ids=["one version", "a revision"])
def test_other_results_begin_a_new_history_and_the_last_one_is_kept(
    project: Project, others: dict[str, int], points: list[int]
) -> None:
    for each in points:
        project.build(each)
    code, output = project.build(10, **others)
    assert code == 0
    assert points_in(project.warehouse) == [10]
    [kept] = project.data.glob("warehouse-*.duckdb")
    assert str(kept.name) in output
    assert points_in(kept) == points


def test_a_folder_to_which_duckdb_cannot_write_is_refused(
    tmp_path: Path, fake_dbt: Callable[[str], Path]
) -> None:
    """DuckDB would look for its log in another folder, `a.wal?b`, which does not exist."""
    project = Project(tmp_path / "a?b", fake_dbt(FAKE_DBT))
    code, output = project.build(25)
    message = "DuckDB cannot write to a path with a question mark; name another data folder with PITWALL_DATA"
    assert (code, output.count("\n")) == (2, 1)
    assert output.startswith(f"build: {project.data}/.build/warehouse.duckdb: {message}")
    (tmp_path / "c?d").mkdir()
    with (
        duckdb.connect(tmp_path / "c?d" / "x") as connection,
        pytest.raises(duckdb.Error, match=r"c\.wal\?d"),
    ):
        connection.execute("create table a as select 1")


def test_data_that_lack_most_results_are_refused_before_dbt_starts(project: Project) -> None:
    project.build(25, results_count=20)
    code, output = project.build(25, results_count=9)
    assert code == 2
    assert output.startswith(
        "build: this would end 11 of 20 results in the history of revised results for good"
    )
    assert "in another folder, which PITWALL_DATA names" in output
    assert output.count("\n") == 1
    assert len(points_in(project.warehouse)) == 20
    assert project.build(25, results_count=10)[0] == 0


@pytest.mark.parametrize(
    ("counts", "are_others"),
    [
        ((0, 0, 0), False),  # nothing is current, so nothing would look revised
        ((10, 0, 0), True),  # new ids
        ((10, 5, 5), False),
        ((10, 10, 5), False),
        ((10, 10, 4), True),
        ((10, 3, 1), True),
    ],
)
def test_results_are_others_if_no_id_is_known_or_most_mean_another_result(
    counts: tuple[int, int, int], are_others: bool
) -> None:
    assert is_of_other_results(*counts) is are_others


def test_a_history_is_copied_into_a_file_that_older_clients_read(project: Project) -> None:
    """build.py makes the file, not dbt, so the profile has no effect on it. A file keeps its format."""
    for points in (25, 18):
        project.build(points)
    with duckdb.connect(project.warehouse, read_only=True) as connection:
        query = "select tags['storage_version'] from duckdb_databases() where database_name = 'warehouse'"
        assert connection.execute(query).fetchall() == [(f"{STORAGE}+",)]


def test_a_path_with_wildcards_means_itself(tmp_path: Path) -> None:
    for name in ("o*[x]?", "o*x?", "other"):
        (tmp_path / name).mkdir()
        duckdb.sql(f"select '{name}' as name").write_parquet(str(tmp_path / name / "results.parquet"))
        path = glob_pattern(tmp_path / name / "results.parquet")
        assert duckdb.execute("from read_parquet(?)", [path]).fetchall() == [(name,)]
