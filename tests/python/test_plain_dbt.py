"""Plain dbt in a small project with the macros of this one: the raw views, the seeds and the history."""

import os
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import jinja2
import pytest
import yaml
from conftest import DBT, ROOT, SCRIPTS, must_run, run_dbt

from pitwall.warehouse.duckdb import STORAGE
from pitwall.warehouse.opening import unreadable

MACROS = (
    "incremental.sql",
    "cross_db/copy_lake.sql",
    "cross_db/create_ops_tables.sql",
    "cross_db/create_raw_views.sql",
    "cross_db/keep_history.sql",
    "cross_db/load_seeds.sql",
    "cross_db/planner.sql",
    "cross_db/snapshot_staging_table.sql",
)
# In SQL, in Jinja, in the shell and in DuckDB's paths some of these mean something.
ODD = "o'd [x] * é {{ y }} %s $z"
SOURCES = yaml.safe_load((ROOT / "models/staging/ergast/_ergast__sources.yml").read_text(encoding="utf-8"))
FRESHNESS = SOURCES["sources"][0]["config"]


class Probe:
    """A project in a folder with an odd name. dbt runs in the folder above, where its data are too."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root.parent
        self.data = self.folder / "data"
        self.warehouse = self.data / "warehouse.duckdb"

    def dbt(self, *arguments: str, fails: bool = False, **environment: str) -> str:
        """Run dbt in the folder above the project; return what it printed."""
        options = ("--project-dir", self.root, "--profiles-dir", self.root)
        before = ("--no-use-colors", "--log-path", self.folder / "logs")
        result = run_dbt(*before, *arguments, *options, cwd=self.folder, **environment)
        assert bool(result.returncode) is fails, result.stdout
        return " ".join(result.stdout.split())

    def write(self, results: str) -> None:
        """Write the Parquet files: four races, and the results that the query selects."""
        parquet = self.data / "parquet"
        parquet.mkdir(parents=True, exist_ok=True)
        races = "select i as race_id, make_date(2024, 3, i) as date from range(1, 5) as races(i)"
        for name, query in {"races": races, "results": results}.items():
            duckdb.sql(query).write_parquet(str(parquet / f"{name}.parquet"))

    def sql(self, query: str) -> list[tuple[object, ...]]:
        """The rows of a query in the warehouse."""
        with duckdb.connect(self.warehouse, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def history(self) -> list[tuple[object, ...]]:
        """How many versions are current, and how many have ended."""
        return self.sql(
            "select count(*) - count(dbt_valid_to), count(dbt_valid_to) from main_snapshots.history"
        )


# Forty of them are ten for each of four races.
RESULTS = (
    "select i as result_id, i % 4 + 1 as race_id, i as driver_id, {points} as points "
    "from range({ids}) as ids(i)"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the project."""
    root = tmp_path_factory.mktemp("plain") / ODD
    for name in MACROS:
        (root / "macros" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "macros" / name, root / "macros" / name)
    shutil.copy(ROOT / "profiles.yml", root)
    (root / "scripts").symlink_to(SCRIPTS)
    ours = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    kept = ("name", "profile", "flags", "on-run-start", "seeds", "snapshots")
    settings = {key: ours[key] for key in kept} | {"on-run-end": ["{{ show_all_races() }}"]}
    (root / "dbt_project.yml").write_text(yaml.safe_dump(settings))
    for name in ("models", "seeds", "snapshots"):
        (root / name).mkdir()
    (root / "seeds" / "eras.csv").write_text('era,note\n1,"it\'s"\n2,\n')
    (root / "models" / "stg_ergast__results.sql").write_text(
        "select * from {{ source('ergast', 'results') }}"
    )
    columns = [{"name": "race_id", "data_tests": ["not_null"]}]
    tables = [{"name": "races", "columns": columns}, {"name": "results", "columns": columns}]
    source = {"name": "ergast", "schema": "raw", "config": FRESHNESS, "tables": tables}
    (root / "models" / "sources.yml").write_text(yaml.safe_dump({"sources": [source]}))
    [history] = yaml.safe_load((ROOT / "snapshots/race_results_history.yml").read_text())["snapshots"]
    config = history["config"] | {"check_cols": ["points"]}
    snapshot = {"name": "history", "relation": "ref('stg_ergast__results')", "config": config}
    (root / "snapshots" / "history.yml").write_text(yaml.safe_dump({"snapshots": [snapshot]}))
    return root


@pytest.fixture(scope="module")
def built(project: Path) -> Probe:
    """The project, built."""
    probe = Probe(project)
    probe.write(RESULTS.format(points=1, ids=40))
    probe.dbt("build")
    return probe


@pytest.fixture
def probe(built: Probe, tmp_path: Path) -> Probe:
    """A copy of the built project and its data."""
    copy = tmp_path / "copy"
    shutil.copytree(built.folder, copy, symlinks=True)
    return Probe(copy / ODD)


def test_raw_views_can_be_read_from_any_folder(built: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert built.sql("select count(*) from raw.results") == [(40,)]


def test_a_data_folder_may_have_any_name(probe: Probe) -> None:
    """Also if files match the name as a pattern."""
    name = "o'd [x] *"
    data = shutil.copytree(probe.data, probe.folder / name)
    probe.write(RESULTS.format(points=1, ids=7))
    probe.data.rename(probe.folder / "o'd x y")
    probe.dbt("run", PITWALL_DATA=name)
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        assert connection.execute("select count(*) from raw.results").fetchall() == [(40,)]


def test_a_relative_data_folder_needs_the_warehouse_in_it(probe: Probe) -> None:
    output = probe.dbt("run", fails=True, PITWALL_WAREHOUSE=str(probe.folder / "warehouse.duckdb"))
    assert "PITWALL_DATA must be an absolute path if PITWALL_WAREHOUSE is set" in output


def test_commands_that_only_read_change_nothing(probe: Probe) -> None:
    """In a copy, where the views still name the files of the original."""
    with duckdb.connect(probe.warehouse) as connection:
        connection.execute("create schema build")
    views = "select view_name, sql from duckdb_views() where schema_name = 'raw' order by all"
    records = "select count(*) from duckdb_schemas() where schema_name = 'build'"
    before = probe.sql(views)
    for command in ("docs generate", "source freshness", "test"):
        # The results are of 2024, so they are out of date.
        probe.dbt(*command.split(), fails=command == "source freshness")
        assert (probe.sql(views), probe.sql(records)) == (before, [(1,)]), command
    probe.dbt("run")
    assert probe.sql(views) != before
    assert probe.sql(records) == [(0,)]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("run", "data/parquet for races, results. Run `make build` first."),
        ("test", "No table in schema raw for races, results. Run `make build` first."),
    ],
)
def test_without_data_the_message_says_what_to_do(
    project: Path, tmp_path: Path, command: str, message: str
) -> None:
    empty = Probe(shutil.copytree(project, tmp_path / ODD, symlinks=True))
    empty.data.mkdir()
    output = empty.dbt(command, fails=True)
    assert message in output
    assert "Traceback" not in output


@pytest.mark.parametrize("command", ["build", "show --inline", "test"])
def test_a_program_that_has_the_warehouse_open_is_named(probe: Probe, command: str) -> None:
    query = ["select 1"] if command.startswith("show") else []
    with duckdb.connect(probe.warehouse):
        output = probe.dbt(*command.split(), *query, fails=True)
    assert output.endswith(f"(PID {os.getpid()}) has it open; end that program, then start again")
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("none", "none: no such folder; name the data folder with PITWALL_DATA, or run `make build`"),
        (
            "a?b",
            "a?b/warehouse.duckdb: DuckDB cannot write to a path with a question mark; name another data ",
        ),
    ],
)
def test_a_data_folder_that_cannot_be_used_is_named(probe: Probe, data: str, message: str) -> None:
    output = probe.dbt("run", fails=True, PITWALL_DATA=data)
    assert f"Database Error {message}" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            'Could not set lock on file "a": Conflicting lock is held in /usr/bin/a b (PID 7).',
            "a b (PID 7) has",
        ),
        ('Could not set lock on file "a": Conflicting lock is held in PID 7.', "another program (PID 7) has"),
        ('Cannot open file "a": Permission denied', "Permission denied"),
        ('Could not read from file "a": bad', "cannot be read, and no other file has the history"),
    ],
)
def test_the_reason_why_a_warehouse_cannot_be_opened_is_named(
    tmp_path: Path, error: str, message: str
) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    assert str(unreadable(warehouse, duckdb.IOException(f"IO Error: {error}"))).startswith(
        f"{warehouse}: {message}"
    )


@pytest.mark.parametrize(
    ("results", "options", "message"),
    [
        (RESULTS.format(points=1, ids=40), ["--empty"], "because of --empty"),
        (RESULTS.format(points=1, ids=19), [], "would end 21 of 40 results"),
        (RESULTS.format(points=1, ids=40).replace("i as driver_id", "i + 1 as driver_id"), [], "40 of 40"),
    ],
    ids=["empty", "more-than-half-is-gone", "other-drivers"],
)
def test_dbt_refuses_to_end_most_of_the_history(
    probe: Probe, results: str, options: list[str], message: str
) -> None:
    probe.write(results)
    output = probe.dbt("snapshot", *options, fails=True)
    assert message in output
    assert "in the history of revised results for good" in output
    assert probe.history() == [(40, 0)]


def test_revisions_and_some_missing_results_are_added_to_the_history(probe: Probe) -> None:
    probe.write(RESULTS.format(points=2, ids=20))
    probe.dbt("snapshot")
    assert probe.history() == [(20, 40)]


def test_an_incremental_run_counts_only_the_results_of_changed_seasons_as_ended(probe: Probe) -> None:
    """The raw views show one race of four, so all other results look absent."""
    probe.write(RESULTS.format(points=1, ids=40) + " where race_id <> 1")
    probe.dbt("snapshot", PITWALL_SEASONS="2024", PITWALL_RACES="1")
    assert probe.history() == [(30, 10)]


def test_the_profile_and_build_py_make_files_of_the_same_format() -> None:
    profile = yaml.safe_load((ROOT / "profiles.yml").read_text(encoding="utf-8"))
    options = profile["pitwall"]["outputs"]["duckdb"]["config_options"]
    assert options == {"storage_compatibility_version": STORAGE}


@pytest.mark.slow
def test_the_oldest_client_reads_the_warehouse(
    small_warehouse: Path, tmp_path: Path, read_with_oldest_client: Callable[[Path], None]
) -> None:
    """After a full build, and after plain dbt wrote to a copy of it, as in an incremental build."""
    shutil.copy(small_warehouse, tmp_path)
    shutil.copytree(small_warehouse.parent / "parquet", tmp_path / "parquet")
    must_run(
        *(DBT, "build", "--select", "dim_seasons", "race_results_history", "--project-dir", ROOT),
        *("--profiles-dir", ROOT, "--target-path", tmp_path / "target", "--log-path", tmp_path / "logs"),
        PITWALL_DATA=tmp_path,
    )
    for warehouse in (small_warehouse, tmp_path / "warehouse.duckdb"):
        read_with_oldest_client(warehouse)


@pytest.mark.parametrize(
    ("held", "coming", "behind_since"),
    [
        ([-90, -20], [-6, 8], -6),  # a race was held six days ago
        ([-90, -20], [8, 15], 8),  # no race was held since
        ([-90, -20], [], 100),  # the winter break
        ([-400, -390], [], -270),  # the archive is of the year before
    ],
)
def test_data_are_fresh_until_the_next_race_was_held(
    held: list[int], coming: list[int], behind_since: int
) -> None:
    """All days are counted from today."""
    today = date(2026, 6, 1)

    class This:
        schema = "raw"

    query = jinja2.Template(FRESHNESS["loaded_at_query"]).render(this=This)
    with duckdb.connect() as connection:
        connection.execute("create schema raw")
        connection.execute("create table raw.races (race_id int, date date)")
        connection.execute("create table raw.results (race_id int)")
        for race, day in enumerate([*held, *coming]):
            connection.execute("insert into raw.races values (?, ?)", [race, today + timedelta(day)])
        for race in range(len(held)):
            connection.execute("insert into raw.results values (?)", [race])
        [(found,)] = connection.execute(query).fetchall()
    assert found.date() == today + timedelta(behind_since)
