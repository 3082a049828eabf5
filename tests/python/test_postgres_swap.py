"""build.py and load_postgres.py on PostgreSQL with a fake dbt: what is replaced, and what is kept."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, SCRIPTS, must_run, run, simulate
from postgres_server import Server, programs, running_server

pytestmark = pytest.mark.extra
for driver in ("adbc_driver_postgresql", "psycopg2"):
    pytest.importorskip(driver, reason="no driver for PostgreSQL: `make postgres-extra` installs it")
if not programs():
    pytest.skip("no PostgreSQL server: install the package postgresql", allow_module_level=True)

# Writes marts with the mark of the build, revises every result, and ends as FAKE_ENDS says.
FAKE_DBT = """
import os, sys
from pathlib import Path
import psycopg2

def cli():
    new, mark, column = (os.environ[name] for name in ("PITWALL_SCHEMA_SUFFIX", "FAKE_MARK", "FAKE_COLUMN"))
    connection = psycopg2.connect("")
    connection.autocommit = True
    now = "current_timestamp at time zone 'UTC'"
    history = f"snapshots{new}.race_results_history"
    for statement in (
        f"create schema marts{new}",
        f"create table marts{new}.built as select {mark} as {column}",
        f"create view marts{new}.built_again as select * from marts{new}.built",
        f"create schema if not exists snapshots{new}",
        f"create table if not exists {history} (result_id int, race_id int, driver_id int, mark int, "
        "dbt_valid_from timestamp, dbt_valid_to timestamp)",
        f"update {history} set dbt_valid_to = {now} where dbt_valid_to is null",
        f"insert into {history} select result_id, race_id, driver_id, {mark}, {now}, null "
        f"from raw{new}.results",
    ):
        connection.cursor().execute(statement)
    connection.close()
    if os.environ["FAKE_ENDS"] == "killed":
        os.kill(os.getppid(), 9)
        os._exit(9)
    target = Path(sys.argv[sys.argv.index("--target-path") + 1])
    target.mkdir(parents=True, exist_ok=True)
    (target / "run_results.json").write_text('{"results": []}')
    (target / "manifest.json").write_text('{"nodes": {}}')
    return int(os.environ["FAKE_ENDS"])
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A running server."""
    with running_server() as started:
        yield started


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one simulated season in Parquet."""
    folder = tmp_path_factory.mktemp("swap")
    simulate(1, folder)
    must_run(SCRIPTS / "csv_to_parquet.py", folder / "raw", PITWALL_DATA=folder)
    return folder


class Database:
    """A new database for one test, and the fake dbt."""

    numbers = count(1)

    def __init__(self, server: Server, data: Path, fake: Path) -> None:
        self.server, self.data, self.fake = server, data, fake
        self.name = f"database_{next(self.numbers)}"
        server.sql(f"create database {self.name}")

    def build(self, mark: int, ending: str = "0", column: str = "mark") -> tuple[int, str]:
        """Build marts that have the mark. Returns the exit code and what was printed."""
        result = run(
            SCRIPTS / "build.py",
            "--engine",
            "postgres",
            PITWALL_DATA=self.data,
            PYTHONPATH=self.fake,
            FAKE_MARK=str(mark),
            FAKE_ENDS=ending,
            FAKE_COLUMN=column,
            **self.server.environment(self.name),
        )
        return result.returncode, result.stdout

    def load(self) -> tuple[int, str]:
        """Load schema raw in place. Returns the exit code and what was printed."""
        result = run(
            SCRIPTS / "load_postgres.py", PITWALL_DATA=self.data, **self.server.environment(self.name)
        )
        return result.returncode, result.stdout

    def sql(self, statement: str, user: str = "pitwall") -> list[tuple[Any, ...]]:
        return self.server.sql(statement, self.name, user)

    def mark(self) -> int:
        """The mark of the build in place, read through a view of marts."""
        [(mark,)] = self.sql("select mark from marts.built_again")
        return mark

    def schemas(self) -> list[str]:
        query = "select nspname from pg_namespace where nspname !~ '^(pg_|information_|public)' order by 1"
        return [name for (name,) in self.sql(query)]

    def history(self) -> list[int]:
        """The marks of the versions of one result, the oldest first."""
        query = "select mark from snapshots.race_results_history where result_id = 1 order by dbt_valid_from"
        return [mark for (mark,) in self.sql(query)]


@pytest.fixture
def database(server: Server, data: Path, fake_dbt: Callable[[str], Path]) -> Database:
    return Database(server, data, fake_dbt(FAKE_DBT))


# Builds


def test_a_build_replaces_the_last_one(database: Database) -> None:
    for mark in (1, 2):
        code, output = database.build(mark)
        assert code == 0, output
        assert database.mark() == mark
        assert database.schemas() == ["marts", "ops", "raw", "snapshots"]


@pytest.mark.parametrize("ending", ["1", "killed"])
def test_a_failed_or_killed_build_leaves_the_last_one(database: Database, ending: str) -> None:
    database.build(1)
    code, output = database.build(2, ending=ending)
    assert code != 0
    assert (database.mark(), database.history()) == (1, [1])
    assert "marts__new" in database.schemas()
    if ending == "1":
        assert "the last good warehouse is unchanged; the failed one is kept" in output
        assert "the schemas *__new" in output
    assert database.build(3)[0] == 0, "the next build starts from scratch, and no lock is left"
    assert (database.mark(), database.history()) == (3, [1, 3])
    outcomes = database.sql("select outcome from ops.builds order by built_at")
    failed = "failed" if ending == "1" else "interrupted"
    assert outcomes == [("succeeded",), (failed,), ("succeeded",)]
    assert database.schemas() == ["marts", "ops", "raw", "snapshots"]


def test_a_build_does_not_wait_for_a_transaction_of_a_reader(database: Database) -> None:
    """The swap renames the schemas. The next build drops the one that the reader was using."""
    database.build(1)
    with closing(database.server.connect(database.name)) as reader, reader.cursor() as cursor:
        cursor.execute("begin transaction isolation level repeatable read")
        cursor.execute("select mark from marts.built_again")
        assert cursor.fetchall() == [(1,)]
        code, output = database.build(2)
        assert code == 0, output
        assert database.mark() == 2
        assert "marts__old" in database.schemas()
    assert database.build(3)[0] == 0
    assert database.schemas() == ["marts", "ops", "raw", "snapshots"]


def test_a_reader_always_finds_a_warehouse(database: Database) -> None:
    database.build(0)
    answers, ended = [], threading.Event()

    def ask() -> None:
        with closing(database.server.connect(database.name)) as reader, reader.cursor() as cursor:
            while not ended.is_set():
                try:
                    cursor.execute("select mark from marts.built_again")
                    answers.append(cursor.fetchall())
                except Exception as error:
                    answers.append(error)

    readers = [threading.Thread(target=ask) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for mark in (1, 2, 3):
            assert database.build(mark)[0] == 0
    finally:
        ended.set()
        for reader in readers:
            reader.join()
    assert {str(answer) for answer in answers} <= {f"[({mark},)]" for mark in range(4)}
    assert len(answers) > 100


# Rights, views and schemas of other users


def test_rights_of_other_users_are_kept(database: Database) -> None:
    database.build(1)
    role = f"reader_of_{database.name}"
    database.sql(f"create role {role}", user="postgres")
    database.sql(f"grant usage on schema marts to {role} with grant option")
    database.sql("grant select on marts.built, marts.built_again to public")
    query = (
        "select nspacl::text, (select relacl::text from pg_class where oid = 'marts.built'::regclass), "
        "(select relacl::text from pg_class where oid = 'marts.built_again'::regclass) "
        "from pg_namespace where nspname = 'marts'"
    )
    before = database.sql(query)
    assert role in before[0][0]
    assert database.build(2)[0] == 0
    assert database.sql(query) == before


def test_views_of_other_users_show_the_new_warehouse(database: Database) -> None:
    database.build(1)
    database.sql("create view public.mine as select mark + 100 as mark from marts.built_again")
    database.sql("create view public.of_mine as select * from public.mine")
    assert database.build(2)[0] == 0
    assert database.sql("select * from public.of_mine") == [(102,)]


def test_a_view_of_other_users_that_no_longer_fits_stops_the_swap(database: Database) -> None:
    database.build(1)
    database.sql("create view public.mine as select mark from marts.built")
    code, output = database.build(2, column="another")
    assert code == 2
    assert "column built.mark does not exist" in output.splitlines()[-1]
    assert "Traceback" not in output
    assert database.mark() == 1
    assert database.sql("select * from public.mine") == [(1,)]


def test_a_materialized_view_of_other_users_stops_the_build(database: Database) -> None:
    database.build(1)
    database.sql("create materialized view public.mine as select mark from marts.built")
    code, output = database.build(2)
    assert code == 2
    assert output.count("\n") == 1
    assert "the materialized view public.mine reads the warehouse" in output
    assert database.sql("select * from public.mine") == [(1,)]


def test_schemas_of_another_user_are_left_alone(database: Database) -> None:
    database.sql("create schema quality", user="postgres")
    code, output = database.build(1)
    assert code == 2
    assert output.count("\n") == 1
    assert "schema quality belongs to postgres" in output


def test_a_schema_of_the_same_name_is_left_alone(database: Database) -> None:
    """A warehouse of an earlier version of the project has no schema `ops`; another program may have one."""
    database.build(1)
    database.sql("drop table ops.builds; create table ops.others ()")
    code, output = database.build(2)
    assert code == 2
    assert output.count("\n") == 1
    assert "has a schema ops that is not Pitwall's" in output
    assert database.sql("select count(*) from ops.others") == [(0,)]
    assert database.mark() == 1


# History


def test_each_build_adds_to_the_history(database: Database) -> None:
    for mark in (1, 2, 3):
        assert database.build(mark)[0] == 0
    assert database.history() == [1, 2, 3]


@pytest.mark.parametrize("column", ["driver_id", "result_id"])
def test_other_results_start_a_new_history(database: Database, column: str) -> None:
    database.build(1)
    database.build(2)
    database.sql(f"update snapshots.race_results_history set {column} = {column} + 100000")
    code, output = database.build(3)
    assert code == 0
    assert database.history() == [3]
    [kept] = [name for name in database.schemas() if name.startswith("snapshots_")]
    assert f"schema {kept} keeps their history" in output
    assert database.sql(f"select count(distinct mark) from {kept}.race_results_history") == [(2,)]


def test_a_history_from_the_future_is_refused(database: Database) -> None:
    database.build(1)
    database.sql(
        "update snapshots.race_results_history set dbt_valid_from = dbt_valid_from + interval '1 day'"
    )
    code, output = database.build(2)
    assert code == 2
    assert output.count("\n") == 1
    assert "in the future by the clock of the server" in output
    assert (database.mark(), database.history()) == (1, [1])


# Loading in place


def test_loading_again_replaces_the_rows_and_keeps_the_views(database: Database) -> None:
    assert database.load()[0] == 0
    database.sql("create view public.mine as select * from raw.races")
    before = database.sql("select * from public.mine order by race_id")
    database.sql("update raw.races set name = 'Nowhere'")
    assert database.load()[0] == 0
    assert database.sql("select * from public.mine order by race_id") == before


def test_a_table_with_other_columns_is_created_again(database: Database) -> None:
    database.load()
    database.sql("alter table raw.races alter column round type bigint")
    code, output = database.load()
    assert code == 0, output
    query = "select format_type(atttypid, null) from pg_attribute where attrelid = 'raw.races'::regclass "
    assert database.sql(query + "and attname = 'round'") == [("integer",)]


def test_all_tables_are_loaded_or_none(database: Database) -> None:
    database.load()
    database.sql("alter table raw.status add constraint none check (status_id < 0) not valid")
    database.sql("delete from raw.circuits where circuit_id = 1")
    before = database.sql("select count(*) from raw.circuits")
    code, output = database.load()
    assert code == 2
    assert output.count("\n") == 1
    assert 'violates check constraint "none"' in output
    assert database.sql("select count(*) from raw.circuits") == before
    assert database.sql("select count(*) > 0 from raw.status") == [(True,)]


def test_raw_tables_are_as_declared(database: Database) -> None:
    database.load()
    query = (
        "select attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum), "
        "attnum = any "
        "((select conkey from pg_constraint where conrelid = attrelid and contype = 'p')::int2[]) "
        "from pg_attribute where attrelid = 'raw.sprint_results'::regclass and attnum > 0 order by attnum"
    )
    columns = {name: tuple(rest) for name, *rest in database.sql(query)}
    assert columns["result_id"][0::2] == ("integer", True)
    assert columns["points"][0::2] == ("numeric(8,2)", False)
    assert columns["position_text"][0::2] == ("text", False)
    assert all(description for _, description, _ in columns.values())


# The defaults, which are in two files


def test_the_profile_and_the_loader_have_the_same_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    import jinja2

    from pitwall.warehouse.postgres_connection import connection_settings

    profile = yaml.safe_load((ROOT / "profiles.yml").read_text(encoding="utf-8"))
    target = profile["pitwall"]["outputs"]["postgres"]
    environment = jinja2.Environment()
    environment.filters["as_number"] = int
    env_var = {"env_var": lambda _, default: default}
    rendered = {
        key: environment.from_string(str(target[key])).render(env_var)
        for key in ("host", "port", "user", "dbname", "connect_timeout")
        if key in target
    }
    defaults = connection_settings()
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    assert {key: rendered[key] for key in names} == {key: defaults[name] for key, name in names.items()}
