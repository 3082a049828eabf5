"""The materialization `by_season` in a small project: blocks, replaced seasons, and what a failure leaves."""

import json
import re
import shutil
from pathlib import Path

import duckdb
import pytest
import yaml
from conftest import ROOT, run_dbt

MACROS = ("incremental.sql", "cross_db/in_block.sql", "cross_db/materializations/by_season.sql")
MODELS = {
    # dbt runs the models of one thread by their names.
    "laps": """
        {{ config(materialized='by_season', meta={'seasons_in_block': 2}, contract={'enforced': true}) }}
        select season, lap,
            case when season = {{ var('fails_in', 0) }} then error('broken') else mark end as mark
        from {{ source('ergast', 'all_laps') }}
        where {{ in_changed_seasons() }}
    """,
    "keyed": """
        {{ config(
            materialized='by_season', contract={'enforced': true},
            meta={'seasons_in_block': 2, 'key_has_index': false}
        ) }}
        select season, lap, mark from {{ source('ergast', 'all_laps') }} where {{ in_changed_seasons() }}
    """,
    "results": """
        {{ config(materialized='by_season') }}
        select season, mark from {{ source('ergast', 'all_laps') }}
        where {{ in_changed_seasons('season') }}
        union all
        select cast(null as integer), (select max(mark) from {{ source('ergast', 'all_laps') }})
    """,
    "variables": "select cast(getvariable('seasons') as varchar) as seasons",
}
DECLARED = {
    "sources": [{"name": "ergast", "schema": "raw", "tables": [{"name": "races"}, {"name": "all_laps"}]}],
    "models": [
        {
            "name": "laps",
            "columns": [
                {"name": "season", "data_type": "integer", "constraints": [{"type": "not_null"}]},
                {"name": "lap", "data_type": "integer", "constraints": [{"type": "primary_key"}]},
                {"name": "mark", "data_type": "varchar"},
            ],
        },
        {
            "name": "keyed",
            "constraints": [{"type": "primary_key", "columns": ["season", "lap"]}],
            "columns": [
                {"name": "season", "data_type": "integer", "constraints": [{"type": "not_null"}]},
                {"name": "lap", "data_type": "integer", "constraints": [{"type": "not_null"}]},
                {"name": "mark", "data_type": "varchar"},
            ],
        },
    ],
}
SEASONS = (2001, 2002, 2003, 2004, 2005)


class Probe:
    """A project with one lap a season."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement in the warehouse."""
        with duckdb.connect(self.root / "probe.duckdb") as connection:
            return connection.execute(statement).fetchall()

    def mark(self, value: str) -> None:
        """Give every lap this mark."""
        self.sql(f"update raw.all_laps set mark = '{value}'")

    def dbt(self, *arguments: str, seasons: str = "", fails: bool = False) -> str:
        """Run dbt, of an incremental run with the changed seasons; return what it printed."""
        options = ("--no-use-colors", "--log-level", "warn")
        environment = {"PITWALL_SEASONS": seasons, "PITWALL_RACES": "1"} if seasons else {}
        result = run_dbt(*options, *arguments, cwd=self.root, **environment)
        assert bool(result.returncode) is fails, result.stdout
        return result.stdout

    def marks(self, table: str) -> dict[object, object]:
        """The marks of a table by season."""
        rows = self.sql(f"select season, mark from main.{table}")
        assert len(dict(rows)) == len(rows)
        return dict(rows)

    def constraints(self, table: str) -> list[object]:
        """The kinds of a table's constraints."""
        query = f"select constraint_type from duckdb_constraints() where table_name = '{table}' order by 1"
        return [kind for (kind,) in self.sql(query)]

    def ran(self, name: str) -> str:
        """The SQL that dbt last ran for a model."""
        return (self.root / "target/run/probe/models" / f"{name}.sql").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, built in full."""
    root = tmp_path_factory.mktemp("probe")
    (root / "models").mkdir()
    for name in MACROS:
        (root / "macros" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "macros" / name, root / "macros" / name)
    for name, sql in MODELS.items():
        (root / "models" / f"{name}.sql").write_text(sql)
    (root / "models" / "models.yml").write_text(yaml.safe_dump(DECLARED))
    (root / "tests").mkdir()
    (root / "tests" / "no_laps.sql").write_text(
        "select * from {{ ref('laps') }} where mark is null and {{ in_changed_seasons() }}"
    )
    project = {
        "name": "probe",
        "profile": "probe",
        "flags": {
            "send_anonymous_usage_stats": False,
            "warn_error_options": {"error": "all", "silence": ["UnsupportedConstraintMaterialization"]},
        },
        "models": {"+materialized": "table"},
    }
    (root / "dbt_project.yml").write_text(yaml.safe_dump(project))
    target = {"type": "duckdb", "path": "probe.duckdb", "threads": 1}
    profile = {"probe": {"target": "dev", "outputs": {"dev": target}}}
    (root / "profiles.yml").write_text(yaml.safe_dump(profile))
    with duckdb.connect(root / "probe.duckdb") as connection:
        connection.execute("create schema raw")
        connection.execute("create table raw.races (year integer)")
        connection.execute("create table raw.all_laps (season integer, lap integer, mark varchar)")
        for season in SEASONS:
            connection.execute("insert into raw.races values (?)", [season])
            connection.execute("insert into raw.all_laps values (?, ?, 'old')", [season, season])
    Probe(root).dbt("build")
    return root


@pytest.fixture
def probe(built: Path, tmp_path: Path) -> Probe:
    """A copy of it whose laps have changed since."""
    copy = Probe(shutil.copytree(built, tmp_path / "probe"))
    copy.mark("new")
    return copy


def test_a_full_build_has_all_rows_and_the_contract(built: Path) -> None:
    probe = Probe(built)
    assert probe.marks("laps") == dict.fromkeys(SEASONS, "old")
    assert probe.marks("results") == {**dict.fromkeys(SEASONS, "old"), None: "old"}
    assert re.findall(r"set variable seasons = (.*);", probe.ran("laps")) == [
        "[2001, 2002]",
        "[2003, 2004]",
        "[2005]",
    ]
    assert " set variable" not in probe.ran("results")
    assert probe.constraints("laps") == ["NOT NULL", "NOT NULL", "PRIMARY KEY"]


def test_a_key_without_an_index_has_no_constraint(built: Path) -> None:
    """All else is as in the other tables: rows, blocks, NOT NULL."""
    probe = Probe(built)
    assert probe.marks("keyed") == dict.fromkeys(SEASONS, "old")
    assert len(re.findall(r"set variable seasons = .*;", probe.ran("keyed"))) == 3
    assert probe.constraints("keyed") == ["NOT NULL", "NOT NULL"]


def test_an_incremental_run_replaces_the_changed_seasons(probe: Probe) -> None:
    """And rows without a season, of which it is not known what they depend on. A missing season leaves."""
    probe.sql("delete from raw.all_laps where season = 2003")
    probe.dbt("build", seasons="2002,2003,2004")
    changed = {2001: "old", 2002: "new", 2004: "new", 2005: "old"}
    assert probe.marks("laps") == changed
    assert probe.marks("results") == {**changed, None: "new"}
    test = (probe.root / "target/compiled/probe/tests/no_laps.sql").read_text(encoding="utf-8")
    assert "season in (2002, 2003, 2004)" in test


def test_a_full_refresh_builds_in_full(probe: Probe) -> None:
    probe.dbt("run", "--full-refresh", "--select", "laps", seasons="2002")
    assert probe.marks("laps") == dict.fromkeys(SEASONS, "new")


def test_seasons_of_a_missing_table_cannot_be_replaced(probe: Probe) -> None:
    probe.sql("drop table main.laps")
    said = " ".join(probe.dbt("run", seasons="2002", fails=True).split())
    assert "does not exist, so that none of its seasons can be replaced. Build in full" in said


@pytest.mark.parametrize("seasons", ["", "2002,2003,2004"], ids=["full", "incremental"])
def test_a_failed_block_leaves_the_last_table_and_no_variable(probe: Probe, seasons: str) -> None:
    """The second block fails; the next model runs in the same thread."""
    said = probe.dbt("run", "--vars", "fails_in: 2004", seasons=seasons, fails=True)
    assert "broken" in said
    assert probe.marks("laps") == dict.fromkeys(SEASONS, "old")
    results = json.loads((probe.root / "target/run_results.json").read_text(encoding="utf-8"))["results"]
    assert [(each["unique_id"], each["status"]) for each in results] == [
        ("model.probe.keyed", "success"),
        ("model.probe.laps", "error"),
        ("model.probe.results", "success"),
        ("model.probe.variables", "success"),
    ]
    assert len({each["thread_id"] for each in results}) == 1
    assert probe.sql("select seasons from main.variables") == [(None,)]


def test_a_preview_an_empty_run_and_a_plain_one(probe: Probe) -> None:
    """A run without changed seasons builds in full, also over an older table."""
    assert "2005" in probe.dbt("--quiet", "show", "--select", "laps", "--limit", "9")
    assert probe.marks("laps") == dict.fromkeys(SEASONS, "old")
    probe.dbt("run", "--empty")
    assert probe.marks("laps") == {}
    probe.dbt("run", "--select", "laps")
    assert probe.marks("laps") == dict.fromkeys(SEASONS, "new")


def test_a_row_that_breaks_a_constraint_is_refused(probe: Probe) -> None:
    probe.sql("update raw.all_laps set lap = 2001 where season = 2005")
    said = probe.dbt("run", "--select", "laps", fails=True)
    assert "PRIMARY KEY or UNIQUE constraint violation" in said
    assert probe.marks("laps") == dict.fromkeys(SEASONS, "old")


@pytest.mark.parametrize("seasons", ["", "2004,2005"], ids=["full", "incremental"])
def test_a_repeated_key_without_an_index_is_never_committed(probe: Probe, seasons: str) -> None:
    """Laps 62 apart have the same bit, in groups of their own; a lap below zero is as good as any other."""
    for lap in (2005 - 62, 2005 + 62, -2005, -2005 + 62):
        probe.sql(f"insert into raw.all_laps values (2005, {lap}, 'new')")
    probe.dbt("run", "--select", "keyed", seasons=seasons)
    before = probe.sql("select * from main.keyed order by all")
    assert len(before) == len(SEASONS) + 4
    probe.sql("insert into raw.all_laps values (2004, 2004, 'newer'), (2005, 2067, 'newer')")
    said = " ".join(probe.dbt("run", "--select", "keyed", seasons=seasons, fails=True).split())
    assert "main.keyed: the primary key (season, lap) must be unique. Repeated keys: 2, the first: " in said
    assert "the first: season 2004, lap 2004; season 2005, lap 2067" in said
    assert probe.sql("select * from main.keyed order by all") == before


@pytest.mark.parametrize("seasons", ["", "2004,2005"], ids=["full", "incremental"])
def test_a_null_in_a_key_without_an_index_is_never_committed(probe: Probe, seasons: str) -> None:
    probe.sql("update raw.all_laps set lap = null where season = 2005")
    said = probe.dbt("run", "--select", "keyed", seasons=seasons, fails=True)
    assert "NOT NULL constraint failed: keyed.lap" in said
    assert probe.marks("keyed") == dict.fromkeys(SEASONS, "old")
