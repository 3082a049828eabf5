"""`make build ENGINE=postgres` gives the same cells as DuckDB.

A build replaces the last warehouse as a whole, and a failure is reported in one plain line.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import yaml
from conftest import (
    DBT,
    ROOT,
    SCRIPTS,
    SOURCES,
    WITHOUT_DATA_TESTS,
    mounted,
    must_run,
    pass_unit_tests,
    run,
)
from polars.testing import assert_frame_equal
from postgres_server import PASSWORD, Server, as_user, programs, running_server

from pitwall.command import TEMPORARY
from pitwall.raw.schema import raw_tables
from pitwall.warehouse.changes import DISAGREEMENTS
from pitwall.warehouse.dbt import MERGED_TESTS

pytestmark = pytest.mark.extra
for driver in ("adbc_driver_postgresql", "psycopg2"):
    pytest.importorskip(driver, reason="no driver for PostgreSQL: `make postgres-extra` installs it")
if not programs():
    pytest.skip("no PostgreSQL server: install the package postgresql", allow_module_level=True)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A running server with the database `pitwall`."""
    with running_server() as started:
        started.sql("create database pitwall")
        yield started


@pytest.fixture(scope="session")
def data(all_sources_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two simulated seasons in Parquet, and their DuckDB warehouse."""
    return shutil.copytree(all_sources_warehouse.parent, tmp_path_factory.mktemp("postgres") / "data")


@pytest.fixture(scope="session")
def built(server: Server, data: Path) -> str:
    """Builds the warehouse of the same files in the database `pitwall`. Returns what the build printed.

    Unit tests and data tests have tests of their own.
    """
    pass_unit_tests(ROOT, data / ".build" / "target-postgres")
    environment = {"PITWALL_DATA": data, **server.environment("pitwall"), **WITHOUT_DATA_TESTS}
    return must_run(SCRIPTS / "build.py", "--engine", "postgres", **environment)


def parity(data: Path, server: Server) -> subprocess.CompletedProcess[str]:
    """Compare the two warehouses."""
    engines = ["--engine", "duckdb", "--engine", "postgres"]
    environment = server.environment("pitwall")
    return run(SCRIPTS / "parity.py", "--built", *engines, PITWALL_DATA=data, **environment)


def test_every_raw_table_has_rows(data: Path) -> None:
    """Also those of files that may be missing: tables without rows are the same on every engine."""
    names = [table.name for table in raw_tables()] + [DISAGREEMENTS]
    empty = [name for name in names if pl.read_parquet(data / "parquet" / f"{name}.parquet").is_empty()]
    assert empty == []
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as warehouse:
        for mart in ("fct_safety_cars", "fct_red_flags", "fct_fatal_accidents"):
            assert warehouse.execute(f"select race_id from marts.{mart} where race_id is not null").fetchall()


def test_every_cell_is_the_same_as_on_duckdb(built: str, server: Server, data: Path) -> None:
    assert "The warehouse is ready: PostgreSQL database pitwall at 127.0.0.1:" in built
    result = parity(data, server)
    assert result.returncode == 0, result.stdout
    assert "No difference: duckdb, postgres." in result.stdout
    assert result.stdout.count("| identical") > 30


def test_wrong_cells_are_named(built: str, server: Server, data: Path) -> None:
    """A number, a text, and a row that is missing."""
    changes = {
        "marts.fct_driver_standings": "update {} set points = points + 0.01 where driver_standing_id = 7",
        "marts.dim_circuits": "update {} set circuit_name = 'Nowhere' where circuit_id = 1",
        "marts.dim_statuses": "delete from {} where status_id = 1",
    }
    for table, change in changes.items():
        server.sql(f"create table public.{table.partition('.')[2]} as table {table}", "pitwall")
        server.sql(change.format(table), "pitwall")
    try:
        result = parity(data, server)
    finally:
        for table in changes:
            kept = f"public.{table.partition('.')[2]}"
            server.sql(f"delete from {table}", "pitwall")
            server.sql(f"insert into {table} select * from {kept}", "pitwall")
            server.sql(f"drop table {kept}", "pitwall")
    assert result.returncode == 1, result.stdout
    for difference in (
        "marts.fct_driver_standings on postgres: driver_standing_id=7: points is ",
        "marts.dim_circuits on postgres: circuit_id=1: circuit_name is ",
        "marts.dim_statuses on postgres: status_id=1: only on duckdb",
    ):
        assert difference in result.stdout


@pytest.mark.slow
def test_the_unit_tests_pass(built: str, server: Server, data: Path, tmp_path: Path) -> None:
    command = (DBT, "test", "-s", "test_type:unit", "--target", "postgres", "--target-path", tmp_path)
    result = run(*command, PITWALL_DATA=data, **server.environment("pitwall"))
    assert re.search(r"PASS=([1-9]\d+) WARN=0 ERROR=0 SKIP=0", result.stdout), result.stdout[-3000:]


@pytest.mark.slow
def test_the_data_tests_pass(built: str, server: Server, data: Path, tmp_path: Path) -> None:
    """They are the same queries as on DuckDB, in another dialect, on cells that are equal."""
    options = [*MERGED_TESTS, "--exclude-resource-type", "unit_test", "--target-path", tmp_path]
    command = (DBT, "test", *options, "--target", "postgres")
    result = run(*command, PITWALL_DATA=data, **server.environment("pitwall"))
    assert re.search(r"PASS=([1-9]\d\d) WARN=0 ERROR=0 SKIP=0", result.stdout), result.stdout[-3000:]


def test_a_database_without_a_warehouse_is_reported(server: Server, data: Path) -> None:
    server.sql("create database empty")
    environment = server.environment("empty")
    result = run(SCRIPTS / "parity.py", "--built", "--engine", "postgres", PITWALL_DATA=data, **environment)
    assert result.returncode == 2
    assert result.stdout == (
        f"parity: PostgreSQL database empty at 127.0.0.1:{server.port}: is not built yet; "
        "`make build ENGINE=postgres` builds it\n"
    )


def test_tables_and_columns_have_their_descriptions(built: str, server: Server) -> None:
    query = (
        "select obj_description('marts.dim_races'::regclass), col_description('marts.dim_races'::regclass, 1)"
    )
    [(table, column)] = server.sql(query, "pitwall")
    assert table.startswith("Grain: ")
    assert column


def test_times_of_the_history_are_in_utc(built: str, server: Server) -> None:
    """The server has another time zone."""
    query = (
        "select max(abs(extract(epoch from current_timestamp at time zone 'UTC' - dbt_valid_from))) "
        "from snapshots.race_results_history"
    )
    [(seconds,)] = server.sql(query, "pitwall")
    assert seconds < 4 * 3600


def plan_nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A node of a plan and all nodes below it."""
    yield plan
    for node in plan.get("Plans", []):
        yield from plan_nodes(node)


def test_models_are_joined_by_hash(built: str, server: Server, data: Path) -> None:
    """The planner makes no merge joins, and no join that discards most of its pairs."""
    macro = (ROOT / "macros" / "cross_db" / "planner.sql").read_text(encoding="utf-8")
    settings = re.findall(r"set local (\w+ = \w+)", macro)
    target = data / ".build" / "target-postgres"
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model"]
    tables = [node for node in models if node["config"]["materialized"] != "view"]
    assert len(tables) > 50
    merged, wasteful = [], []
    with closing(server.connect("pitwall")) as connection, connection.cursor() as cursor:
        cursor.execute("set statement_timeout = '60s'")
        for setting in settings:
            cursor.execute(f"set {setting}")
        for table in tables:
            # The compiled SQL, without the suffix that the schemas had during the build.
            file = target / "compiled" / "pitwall" / table["original_file_path"]
            query = file.read_text(encoding="utf-8").replace('__new"', '"')
            cursor.execute(f"explain (analyze, timing off, format json) {query}")
            [[[explained]]] = cursor.fetchall()
            for node in plan_nodes(explained["Plan"]):
                removed = node.get("Rows Removed by Join Filter", 0) * node["Actual Loops"]
                pairs_kept = node["Actual Rows"] * node["Actual Loops"]
                if node["Node Type"] == "Merge Join":
                    merged.append(table["name"])
                if removed > 50 * max(pairs_kept, 1000):
                    wasteful.append(table["name"])
    assert merged == []
    assert wasteful == ["dim_dates"]  # intended: it makes numbers from all pairs of digits


@pytest.mark.slow
def test_readers_have_a_warehouse_all_through_a_build(built: str, server: Server, data: Path) -> None:
    """Views and rights of other users are kept, and each query during the build has an answer."""
    server.sql("create role reader login password 'reader'", user="postgres")
    server.sql("grant usage on schema marts to reader", "pitwall")
    server.sql("grant select on marts.dim_races to reader", "pitwall")
    server.sql("create view public.races as select race_id from marts.dim_races", "pitwall")
    before = server.sql("select count(*) from public.races", "pitwall")
    answers, ended = [], threading.Event()

    def ask() -> None:
        while not ended.wait(0.2):
            answers.append(server.sql("select count(*) from marts.dim_races", "pitwall"))

    reader = threading.Thread(target=ask)
    reader.start()
    try:
        environment = server.environment("pitwall")
        must_run(SCRIPTS / "build.py", "--engine", "postgres", PITWALL_DATA=data, **environment)
    finally:
        ended.set()
        reader.join()
    assert answers
    assert all(answer == before for answer in answers)
    assert server.sql("select count(*) from public.races", "pitwall") == before
    assert server.sql("select has_table_privilege('reader', 'marts.dim_races', 'select')", "pitwall") == [
        (True,)
    ]
    left = server.sql("select nspname from pg_namespace where nspname ~ '__(new|old)$'", "pitwall")
    assert left == []


def test_loading_again_keeps_the_views(built: str, server: Server, data: Path) -> None:
    """load_postgres.py alone replaces the rows of schema raw in place, for plain dbt."""
    before = server.sql("select count(*) from staging.stg_ergast__races", "pitwall")
    for _ in range(2):
        must_run(SCRIPTS / "load_postgres.py", PITWALL_DATA=data, **server.environment("pitwall"))
    assert server.sql("select count(*) from staging.stg_ergast__races", "pitwall") == before


@pytest.mark.slow
def test_a_failed_build_leaves_the_last_warehouse(
    built: str, server: Server, data: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    for name in ("models", "macros", "seeds", "snapshots", "tests", "analyses", "scripts", "dbt_packages"):
        shutil.copytree(SCRIPTS.parent / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dbt_project.yml", "profiles.yml", "packages.yml", "package-lock.yml"):
        shutil.copy(SCRIPTS.parent / name, project)
    model = project / "models" / "staging" / "ergast" / "stg_ergast__seasons.sql"
    model.write_text(model.read_text(encoding="utf-8").replace("with", "with no such thing", 1))
    pass_unit_tests(project, data / ".build" / "target-postgres")
    before = server.sql("select count(*) from marts.dim_races", "pitwall")
    result = run(
        project / "scripts" / "build.py",
        "--engine",
        "postgres",
        PITWALL_DATA=data,
        **server.environment("pitwall"),
    )
    assert result.returncode == 2
    assert "the last good warehouse is unchanged" in result.stdout
    assert server.sql("select count(*) from marts.dim_races", "pitwall") == before


def check_refusal(
    data: Path, environment: dict[str, str], *words: str, script: str = "build.py", code: int = 2
) -> None:
    """Check that a build fails with one line that contains the words, and no password."""
    options = ["--engine", "postgres"] if script == "build.py" else []
    result = run(SCRIPTS / script, *options, PITWALL_DATA=data, **environment)
    assert result.returncode == code, result.stdout
    assert len(result.stdout.splitlines()) == 1, result.stdout
    for word in words:
        assert word in result.stdout
    assert PASSWORD not in result.stdout
    assert "a-wrong-one" not in result.stdout


def test_a_wrong_password_is_reported(server: Server, data: Path) -> None:
    wrong = server.environment("pitwall") | {"PGPASSWORD": "a-wrong-one"}
    check_refusal(
        data, wrong, "password authentication failed", "PGPASSWORD", "createuser --pwprompt pitwall"
    )
    check_refusal(data, wrong, "password authentication failed", script="load_postgres.py")


def test_a_server_that_is_down_is_reported(server: Server, data: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = str(probe.getsockname()[1])
    check_refusal(
        data, server.environment("pitwall") | {"PGPORT": free}, f"127.0.0.1:{free}", "Start the server"
    )


def test_a_port_of_another_program_is_reported(server: Server, data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])

        def answer() -> None:
            for _ in range(4):
                try:
                    connection, _ = other.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(100)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        check_refusal(data, server.environment("pitwall") | {"PGPORT": port}, port, "PGPORT")


def test_a_database_that_does_not_exist_is_reported(server: Server, data: Path) -> None:
    check_refusal(
        data,
        server.environment("nowhere"),
        'database "nowhere" does not exist',
        "`createdb --owner pitwall nowhere`",
    )


def check_available(**environment: str) -> subprocess.CompletedProcess[str]:
    """Check the engine, as a build does before any other work."""
    code = "from pitwall.warehouse.engines import check_available; check_available('postgres')"
    return run(sys.executable, "-c", code, PYTHONPATH=SCRIPTS, **environment)


def test_the_user_and_the_database_are_checked_before_a_build(server: Server) -> None:
    assert check_available(**server.environment("pitwall")).returncode == 0
    for changed in ({"PGDATABASE": "nowhere"}, {"PGUSER": "nobody"}, {"PGPASSWORD": ""}):
        result = check_available(**server.environment("pitwall") | changed)
        assert result.returncode == 1
        assert "NotAvailable: PostgreSQL database " in result.stdout


def test_the_documented_commands_create_the_user_and_the_database(server: Server) -> None:
    page = (ROOT / "docs" / "from-laptop-to-cloud.md").read_text(encoding="utf-8")
    commands = re.findall(r"(?m)^sudo -u postgres (create.+?)(?: +#.*)?$", page)
    assert len(commands) == 2
    environment = {**os.environ, **server.environment("postgres", "postgres")}
    binaries = (programs() / "initdb").resolve().parent  # initdb may be a link
    for command in commands:
        program, *arguments = command.replace("pitwall", "newcomer").split()
        subprocess.run(
            [binaries / program, *arguments],
            env=environment,
            input=f"{PASSWORD}\n{PASSWORD}\n",
            text=True,
            check=True,
            start_new_session=True,  # without a terminal it reads the password from the input
        )
    assert check_available(**server.environment("newcomer", "newcomer")).returncode == 0
    sql = re.findall(r"(?m)^(create .+);$", page)
    assert len(sql) == 2
    for statement in sql:
        server.sql(statement.replace("pitwall", "second").replace("...", PASSWORD), user="postgres")
    assert check_available(**server.environment("second", "second")).returncode == 0


def test_the_new_tables_have_statistics(built: str, server: Server) -> None:
    missing = "select schemaname, relname from pg_stat_user_tables where last_analyze is null"
    assert server.sql(f"{missing} and schemaname in ('marts', 'quality')", "pitwall") == []


def test_the_build_is_recorded(built: str, server: Server, data: Path) -> None:
    """The views of ops were made before the row of the build was there, in schemas with another name."""
    times = "outcome, build_kind, seeds_ms > 0, models_ms > 0, dbt_ms > 0, mart_tables"
    [row] = server.sql(f"select {times} from ops.build_times", "pitwall")
    [(marts,)] = server.sql("select count(*) from pg_tables where schemaname = 'marts'", "pitwall")
    assert row == ("succeeded", "full", True, True, True, marts)
    assert server.sql("select count(*) from ops.source_updates where is_first_known", "pitwall") == [(21,)]
    key = "select count(*) from pg_constraint where contype = 'p' and conrelid::regclass::text like 'ops.%'"
    assert server.sql(key, "pitwall") == [(2,)]
    shown = must_run(
        *(SCRIPTS / "last_build.py", "--engine", "postgres", "--json"),
        PITWALL_DATA=data,
        **server.environment("pitwall"),
    )
    assert json.loads(shown)["build"]["mart_tables"] == marts


def test_freshness_is_the_same_as_on_duckdb(built: str, server: Server, data: Path) -> None:
    """The day since which the data are behind; tests/python/test_plain_dbt.py says which day it must be."""
    file = ROOT / "models/staging/ergast/_ergast__sources.yml"
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))["sources"][0]["config"]
    query = declared["loaded_at_query"].replace("{{ this.schema }}", "raw")
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        assert server.sql(query, "pitwall") == connection.execute(query).fetchall()


def test_the_catalog_is_of_the_database(
    built: str, server: Server, data: Path, fake_dbt: Callable[[str], Path], tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(SCRIPTS, project / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / SOURCES, project / SOURCES)
    fake = fake_dbt(
        "import os, pathlib, sys\n"
        "def cli():\n"
        "    print(*sys.argv, *map(os.getenv, ('PGDATABASE',)))\n"
        "    target = pathlib.Path(sys.argv[sys.argv.index('--target-path') + 1])\n"
        "    (target / 'static_index.html').touch()\n"
    )
    command = [project / "scripts" / "catalog.py", "--engine", "postgres"]
    settings = {"PITWALL_DATA": data, "PYTHONPATH": fake, "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    result = run(*command, cwd=project, **settings, **server.environment("pitwall"))
    assert result.returncode == 0, result.stdout
    assert f"--target postgres --target-path {project}/target/postgres" in result.stdout
    server.sql("create database unbuilt")
    result = run(*command, cwd=project, **settings, **server.environment("unbuilt"))
    assert (result.returncode, result.stdout.count("\n")) == (2, 1)
    assert "is not built yet; `make build ENGINE=postgres` builds it" in result.stdout


def test_a_user_without_rights_is_reported(server: Server, data: Path) -> None:
    server.sql(f"create role guest login password '{PASSWORD}'", user="postgres")
    server.sql("create database closed")
    check_refusal(
        data, server.environment("closed", "guest"), "permission denied", "grant create on database"
    )


def test_the_second_of_two_builds_at_once_is_refused(
    built: str, server: Server, data: Path, tmp_path: Path
) -> None:
    """The two may run on two machines, so the lock of the data folder is not enough."""
    lock = int.from_bytes(b"pitwall", "big")
    other = server.connect("pitwall")
    try:
        with other.cursor() as cursor:
            cursor.execute(f"select pg_advisory_lock({lock})")
        words = "another build is running in this database"
        check_refusal(data, server.environment("pitwall"), words, code=TEMPORARY)
    finally:
        other.close()


def test_schemas_that_are_not_ours_are_left_alone(server: Server, data: Path) -> None:
    server.sql("create database theirs")
    server.sql("create schema marts", "theirs")
    server.sql("create table marts.mine as select 1 as one", "theirs")
    check_refusal(data, server.environment("theirs"), "not Pitwall's", "PGDATABASE")
    assert server.sql("select * from marts.mine", "theirs") == [(1,)]


def test_a_full_disk_is_reported(server: Server, data: Path, tmp_path: Path) -> None:
    with mounted(server.folder / "disk", "12m") as disk:
        if not os.geteuid():
            shutil.chown(disk, "postgres", "postgres")
        try:
            subprocess.run(as_user(["mkdir", disk / "space"]), check=True, cwd="/")
            server.sql(f"create tablespace small location '{disk / 'space'}'", user="postgres")
            server.sql("create database crowded owner pitwall tablespace small", user="postgres")
            free = shutil.disk_usage(disk).free
            (disk / "filler").write_bytes(bytes(max(free - 300_000, 0)))
            check_refusal(data, server.environment("crowded"), "could not extend file", "free some space")
            (disk / "filler").unlink()  # a connection needs some space
            left = server.sql("select nspname from pg_namespace where nspname ~ '^(raw|marts)'", "crowded")
            assert left == []
        finally:
            server.sql("drop database if exists crowded with (force)", user="postgres")
            server.sql("drop tablespace if exists small", user="postgres")


def test_a_missing_driver_is_reported_with_the_way_to_install_it(
    server: Server, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, importlib.machinery as machinery\n"
        "whole = machinery.PathFinder.find_spec\n"
        "def find_spec(name, *arguments):\n"
        "    return None if name.startswith('adbc') else whole(name, *arguments)\n"
        "machinery.PathFinder.find_spec = find_spec\n"
        "for name in [name for name in sys.modules if name.startswith('adbc')]:\n"
        "    del sys.modules[name]\n"
    )
    environment = server.environment("pitwall") | {"PYTHONPATH": str(tmp_path)}
    check_refusal(data, environment, "adbc_driver_postgresql is not installed", "ENGINE=postgres")


def test_the_password_is_not_written_anywhere(built: str, data: Path) -> None:
    assert PASSWORD not in built
    files = [path for path in (data / ".build").rglob("*") if path.is_file()]
    assert any(path.name == "manifest.json" for path in files)
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []


@pytest.mark.slow
def test_the_dashboard_gives_the_same_answers(
    built: str, server: Server, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every query of its pages, on both engines. Only what depends on the time of a build may differ."""
    pytest.importorskip("streamlit", reason="no dashboard: `make dashboard` installs it")
    from dashboard_app import QUERIES, each_change, names_of, opened, page_names, problems, warehouse
    from test_dashboard_pages import VIEWS

    asked: dict[str, str] = {}
    original = warehouse.runnable

    def record(name: str, /, **values: Any) -> str:
        sql = original(name, **values)
        asked[sql] = name
        return sql

    monkeypatch.setattr(warehouse, "runnable", record)
    monkeypatch.setenv("PITWALL_DATA", str(data))
    views = [
        (page, {key: view} if key else {})
        for page in page_names()
        for key, names in [VIEWS.get(page, ("", [""]))]
        for view in names
    ]
    views.append(("drivers", {"driver_view": "Head to head", "driver_races": "All"}))
    for page, view in views:
        assert problems(opened(page, **view)) == []
    # Some queries are asked only after a change of a control.
    for page, view in views:
        if names_of(QUERIES / page) - set(asked.values()):
            for _, app in each_change(page, **view):
                assert problems(app) == []
    assert names_of(QUERIES) - set(asked.values()) == set()
    for name, value in server.environment("pitwall").items():
        monkeypatch.setenv(name, value)
    for sql in asked:
        if re.search(r"\b(?:ops|snapshots)\.", sql):
            continue
        answers = [warehouse.cached(sql, engine, (0,)) for engine in ("duckdb", "postgres")]
        integers = [
            frame.with_columns(pl.col(pl.Int32).cast(pl.Int64), pl.col(pl.Float32).cast(pl.Float64))
            for frame in answers
        ]
        assert_frame_equal(*integers, check_dtypes=True)
    monkeypatch.setenv("PITWALL_ENGINE", "postgres")
    for page in page_names():
        assert problems(opened(page)) == []
    server.sql("alter table marts.dim_races rename to old", "pitwall")
    warehouse.cached.clear()  # no build replaced the warehouse
    try:
        [line] = problems(opened("race"))
        assert line.startswith("The warehouse is older than the page. Run `make build ENGINE=postgres`.")
    finally:
        server.sql("alter table marts.old rename to dim_races", "pitwall")
