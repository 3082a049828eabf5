"""Each metric has the same values from MetricFlow as from plain SQL, and no trap in the data changes it.

The MetricFlow that comes with dbt-core writes the SQL, and DuckDB runs it in this process.
"""

import csv
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from conftest import ROOT, must_run, run
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

MF = Path(sys.executable).with_name("mf")

# The marts, with one name for each column by which the metrics are grouped.
VIEWS = """
create temp view results as
select *, driver_id as driver, constructor_id as constructor from marts.fct_race_results;

create temp view sprints as
select *, driver_id as driver, constructor_id as constructor from marts.fct_sprint_results;

create temp view scores as
select season, driver, constructor, points from results
union all
select season, driver, constructor, points from sprints;

create temp view qualifying as
select *, driver_id as driver, constructor_id as constructor from marts.fct_qualifying_results;

create temp view cars as
select distinct race_id, driver_id as driver, constructor_id as constructor from marts.fct_race_results;

create temp view laps as
select fct.*, fct.actual_driver_id as driver, constructor
from marts.fct_lap_times as fct
left join cars on fct.race_id = cars.race_id and fct.actual_driver_id = cars.driver;

create temp view stops as
select *, driver_id as driver, constructor_id as constructor from marts.fct_pit_stop_times;

create temp view paces as
select fct.*, fct.driver_id as driver, constructor
from marts.fct_race_pace as fct
left join cars on fct.race_id = cars.race_id and fct.driver_id = cars.driver;

create temp view gaps as
select *, driver_id as driver, constructor_id as constructor from marts.fct_qualifying_gaps;

create temp view driver_tables as
select *, driver_id as driver from marts.fct_driver_standings where is_latest_of_season;

create temp view constructor_tables as
select *, constructor_id as constructor from marts.fct_constructor_standings where is_latest_of_season;

create temp view driver_tables_of_complete_seasons as
select driver_tables.*
from driver_tables inner join marts.dim_seasons using (season) where is_complete;

create temp view constructor_tables_of_complete_seasons as
select constructor_tables.*
from constructor_tables inner join marts.dim_seasons using (season) where is_complete;
"""


def races(condition: str) -> str:
    """SQL that counts races for which a condition holds: one per driver and race, even with two cars."""
    return f"count(distinct (race_id, driver_id)) filter (where {condition})"


def per_start(condition: str) -> str:
    """SQL for the share of starts for which a condition holds."""
    return f"{races(condition)} / nullif({races('is_started')}, 0)"


FINISHED = "is_started and reason_out_group is null"
DISQUALIFIED = "is_started and reason_out_group = 'disqualified'"
# A driver who gave up one car and finished in another has finished the race.
RETIRED = f"{races('is_started')} - {races(FINISHED)} - {races(DISQUALIFIED)}"

# Each metric in plain SQL: a view, and an aggregate.
PLAIN = {
    "entries": ("results", races("true")),
    "starts": ("results", races("is_started")),
    "wins": ("results", races("finishing_position = 1")),
    "podiums": ("results", races("finishing_position <= 3")),
    "poles": ("results", "count(distinct race_id) filter (where is_pole)"),
    "fastest_laps_since_2004": ("results", "sum((fastest_lap_rank = 1)::int)"),
    "classifications": ("results", races("finishing_position is not null")),
    "finishes": ("results", races(FINISHED)),
    "disqualifications": ("results", races(DISQUALIFIED)),
    "retirements": ("results", RETIRED),
    "race_points": ("results", "sum(points)"),
    "win_rate": ("results", per_start("finishing_position = 1")),
    "podium_rate": ("results", per_start("finishing_position <= 3")),
    "classified_rate": ("results", per_start("finishing_position is not null")),
    "finish_rate": ("results", per_start(FINISHED)),
    "retirement_rate": ("results", f"({RETIRED}) / nullif({races('is_started')}, 0)"),
    "points": ("scores", "sum(points)"),
    "sprint_starts": ("sprints", "count(*) filter (where is_started)"),
    "sprint_wins": ("sprints", "count(*) filter (where finishing_position = 1)"),
    "sprint_points": ("sprints", "sum(points)"),
    "average_qualifying_position": ("qualifying", "avg(qualifying_position)"),
    "q3_appearances": ("qualifying", "count(q3_ms)"),
    "best_qualifying_time_ms": ("qualifying", "least(min(q1_ms), min(q2_ms), min(q3_ms))"),
    "laps": ("laps", "count(*)"),
    "laps_led_since_1996": ("laps", "count(*) filter (where position = 1)"),
    "median_lap_time_ms": (
        "laps",
        "median(lap_time_ms) filter (where not is_red_flag and driver_id = actual_driver_id)",
    ),
    "best_lap_time_ms": ("laps", "min(lap_time_ms) filter (where driver_id = actual_driver_id)"),
    "pit_stops": ("stops", "count(*) filter (where stop_kind = 'stop')"),
    "median_pit_time_ms": ("stops", "median(duration_ms) filter (where stop_kind = 'stop')"),
    "median_race_pace_percent": ("paces", "median(median_pct_of_best) filter (where is_representative)"),
    "median_qualifying_gap_percent": (
        "gaps",
        "median(gap_to_pole_percent) filter (where pole_comparison <> 'other track')",
    ),
    "championship_points": ("driver_tables", "sum(points)"),
    "titles": ("driver_tables_of_complete_seasons", "count(*) filter (where position = 1)"),
    "constructor_championship_points": ("constructor_tables", "sum(points)"),
    "constructor_titles": (
        "constructor_tables_of_complete_seasons",
        "count(*) filter (where position = 1)",
    ),
}

# Rows that must not count, or not count twice. They are so many that a metric that counts them is far off.
TRAPS = """
insert into marts.fct_race_results
select * replace (
    result_id + 1000000 as result_id, driver_entry_number + 1 as driver_entry_number,
    null as fastest_lap_rank, 0 as points
)
from marts.fct_race_results;

update marts.fct_race_results set is_pole = false where driver_entry_number = 1;

insert into marts.fct_lap_times
select * replace (lap_number + 1000 as lap_number, lap_time_ms + 600000 as lap_time_ms, true as is_red_flag)
from marts.fct_lap_times;

insert into marts.fct_lap_times
select * replace (lap_number + 2000 as lap_number, lap_time_ms - 20000 as lap_time_ms, true as is_misfiled)
from marts.fct_lap_times where lap_number < 1000;

update marts.fct_lap_times set driver_id = -driver_id;

insert into marts.fct_pit_stop_times
select * replace (
    stop_number + 100 as stop_number, duration_ms + 600000 as duration_ms, 'red flag' as stop_kind
)
from marts.fct_pit_stop_times;

insert into marts.fct_pit_stop_times
select * replace (stop_number + 200 as stop_number, 1000 as duration_ms, 'drive-through' as stop_kind)
from marts.fct_pit_stop_times;

insert into marts.fct_race_pace
select * replace (
    race_id + 1000000 as race_id, median_pct_of_best - 5 as median_pct_of_best, false as is_representative
)
from marts.fct_race_pace;

insert into marts.fct_driver_standings
select * replace (driver_standing_id + 1000000 as driver_standing_id, false as is_latest_of_season)
from marts.fct_driver_standings;

insert into marts.fct_constructor_standings
select * replace (constructor_standing_id + 1000000 as constructor_standing_id, false as is_latest_of_season)
from marts.fct_constructor_standings;
"""

# These count laps under a red flag and misfiled laps too.
COUNTS_EVERY_LAP = {"laps", "laps_led_since_1996"}


class Metrics:
    """The metrics of a built warehouse: their declarations, and their values from MetricFlow."""

    def __init__(self, warehouse: Path) -> None:
        self.warehouse = warehouse
        self.manifest = warehouse.parent / ".build" / "target" / "semantic_manifest.json"
        text = self.manifest.read_text(encoding="utf-8")
        self.declared = {metric["name"]: metric for metric in json.loads(text)["metrics"]}
        self.saved_queries = json.loads(text)["saved_queries"]
        # MetricFlow reads only the SQL dialect from the client.
        client = SimpleNamespace(sql_engine_type=SqlEngine.DUCKDB, sql_plan_renderer=DuckDbSqlPlanRenderer())
        manifest = parse_manifest_from_dbt_generated_manifest(manifest_json_string=text)
        self.engine = MetricFlowEngine(SemanticManifestLookup(manifest), client)

    def values(
        self, connection: duckdb.DuckDBPyConnection, metric: str, group: str, where: str | None = None
    ) -> dict[Any, Any]:
        """The values of a metric by group, from MetricFlow."""
        request = MetricFlowQueryRequest.create(
            metric_names=[metric], group_by_names=[group], where_constraints=[where] if where else None
        )
        sql = self.engine.explain(request).sql_statement.sql
        return dict(connection.execute(sql).fetchall())


@pytest.fixture(scope="module")
def simulated(simulated_warehouse: Path) -> Metrics:
    """The metrics of the simulated championship."""
    return Metrics(simulated_warehouse)


@pytest.fixture(scope="module", params=["simulated", "real"])
def championship(request: pytest.FixtureRequest) -> Iterator[tuple[Metrics, duckdb.DuckDBPyConnection]]:
    """The metrics of the simulated and of the real championship, and a connection with the views."""
    metrics = Metrics(request.getfixturevalue(f"{request.param}_warehouse"))
    with duckdb.connect(metrics.warehouse, read_only=True) as connection:
        connection.execute(VIEWS)
        yield metrics, connection


@pytest.fixture(scope="module")
def with_traps(simulated: Metrics) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy in memory of the simulated warehouse, with the rows of TRAPS."""
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as warehouse")
        connection.execute(f"attach '{simulated.warehouse}' as built (read_only)")
        connection.execute("create schema warehouse.marts")
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'built' and schema_name = 'marts'"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f"create table warehouse.marts.{table} as from built.marts.{table}")
        connection.execute("use warehouse")
        connection.execute(TRAPS)
        yield connection


def test_every_metric_is_compared_with_plain_sql(simulated: Metrics) -> None:
    assert set(simulated.declared) == set(PLAIN)


def test_every_metric_is_described(simulated: Metrics) -> None:
    """By a sentence, by a label that is not its name, and on the landing page."""
    landing_page = (ROOT / "models" / "docs" / "overview.md").read_text(encoding="utf-8")
    for name, metric in simulated.declared.items():
        assert metric["description"].endswith("."), name
        assert metric["label"] != name
        assert f"`{name}`" in landing_page


@pytest.mark.parametrize("metric", PLAIN)
def test_a_metric_equals_plain_sql(
    championship: tuple[Metrics, duckdb.DuckDBPyConnection], metric: str
) -> None:
    """By season, by driver and by constructor.

    By constructor from 1979 on only: before, two constructors could enter a driver in one race.
    """
    metrics, connection = championship
    view, aggregate = PLAIN[metric]
    columns = {name for name, *_ in connection.execute(f"describe {view}").fetchall()}
    groups = {"season", "driver", "constructor"} & columns
    assert len(groups) > 1
    for group in sorted(groups):
        since = 1979 if group == "constructor" else 1950
        plain = f"select {group}, {aggregate} from {view} where season >= {since} group by {group}"
        expected = dict(connection.execute(plain).fetchall())
        by = f"race_driver__{group}" if group == "constructor" and view in ("laps", "paces") else group
        answer = metrics.values(connection, metric, by, f"{{{{ Entity('season') }}}} >= {since}")
        assert answer.keys() == expected.keys()
        assert expected
        for key, value in expected.items():
            assert (answer[key] is None) == (value is None), (group, key)
            assert value is None or float(answer[key]) == pytest.approx(float(value)), (group, key)


@pytest.mark.parametrize("metric", [metric for metric in PLAIN if metric not in COUNTS_EVERY_LAP])
def test_no_trap_changes_a_metric(
    simulated: Metrics, with_traps: duckdb.DuckDBPyConnection, metric: str
) -> None:
    """The traps are second entries, red flags, misfiled laps and earlier standings."""
    with duckdb.connect(simulated.warehouse, read_only=True) as connection:
        for group in ("season", "constructor" if metric.startswith("constructor") else "driver"):
            before = simulated.values(connection, metric, group)
            assert before
            assert simulated.values(with_traps, metric, group) == before


@pytest.mark.parametrize("metric", ["titles", "constructor_titles"])
def test_no_title_is_won_before_the_season_is_over(
    simulated: Metrics, with_traps: duckdb.DuckDBPyConnection, metric: str
) -> None:
    """The leader of a season under way has no title."""
    before = simulated.values(with_traps, metric, "season")
    with_traps.execute("begin; update marts.dim_seasons set is_complete = false where season = 2025")
    answer = simulated.values(with_traps, metric, "season")
    with_traps.execute("rollback")
    assert before == {**answer, 2025: 1}
    assert 2025 not in answer


def test_dim_dates_has_a_row_for_every_day(championship: tuple[Metrics, duckdb.DuckDBPyConnection]) -> None:
    """From 1 January of the first season to 31 December of the last season."""
    _, connection = championship
    [(first, last, days)] = connection.execute(
        "select min(date_day), max(date_day), count(*) from marts.dim_dates"
    ).fetchall()
    seasons = connection.execute("select min(season), max(season) from marts.dim_seasons").fetchall()
    assert seasons == [(first.year, last.year)]
    assert (first.month, first.day, last.month, last.day) == (1, 1, 12, 31)
    assert days == (last - first).days + 1


PRINTED = [
    (path.name, shlex.split(command.replace("\\\n", " "))[1:])
    for path in (ROOT / "README.md", ROOT / "models" / "docs" / "overview.md", ROOT / "Makefile")
    for command in re.findall(
        r"\.venv/bin/(mf query (?:[^\n`\\']|\\\n|'[^'\n]*')+)", path.read_text(encoding="utf-8")
    )
    if "NAME" not in command
]
needs_mf = pytest.mark.skipif(
    not MF.exists(), reason="no `mf` command: `make metrics` and `make test` install it"
)


def mf_environment(metrics: Metrics, folder: Path) -> dict[str, Path]:
    """Prepare a folder in which `mf` reads the metrics. Returns the environment for it."""
    shutil.copy(ROOT / "dbt_project.yml", folder)
    (folder / "target").mkdir()
    shutil.copy(metrics.manifest, folder / "target")
    # A copy, because `mf` opens it for writing while other processes of the run read it.
    shutil.copy(metrics.warehouse, folder)
    return {
        "DBT_PROJECT_DIR": folder,
        "DBT_PROFILES_DIR": ROOT,
        "DBT_LOG_PATH": folder / "logs",
        "PITWALL_DATA": folder,
    }


def request_of(options: list[str]) -> MetricFlowQueryRequest:
    """The request that `mf query` makes of its options."""
    given = {
        name: value
        for option, following in zip(options, [*options[1:], ""], strict=True)
        if option.startswith("--")
        for name, _, value in [option.partition("=") if "=" in option else (option, "", following)]
    }
    assert given.keys() <= {
        *("--quiet", "--saved-query", "--metrics", "--group-by", "--order", "--where", "--decimals"),
        *("--start-time", "--end-time", "--csv"),
    }
    saved = given.get("--saved-query")
    return MetricFlowQueryRequest.create(
        saved_query_name=saved,
        metric_names=given["--metrics"].split(",") if not saved else None,
        group_by_names=given["--group-by"].split(",") if not saved else None,
        order_by_names=given["--order"].split(",") if "--order" in given else None,
        where_constraints=[given["--where"]] if "--where" in given else None,
    )


def test_every_saved_query_is_described_and_cuts_no_tie(simulated: Metrics) -> None:
    """`make metrics` lists the description. A threshold ends the answer; `limit` would drop equal rows."""
    assert len(simulated.saved_queries) >= 5
    for query in simulated.saved_queries:
        assert re.search(r"\?", query["description"])
        assert query["query_params"]["limit"] is None


def test_every_saved_query_gives_an_answer(
    championship: tuple[Metrics, duckdb.DuckDBPyConnection],
) -> None:
    metrics, connection = championship
    for query in metrics.saved_queries:
        request = MetricFlowQueryRequest.create(saved_query_name=query["name"])
        assert connection.execute(metrics.engine.explain(request).sql_statement.sql).fetchall(), query["name"]


@pytest.mark.parametrize(("file", "command"), PRINTED)
def test_a_printed_query_runs(
    championship: tuple[Metrics, duckdb.DuckDBPyConnection], file: str, command: list[str]
) -> None:
    """The names of metrics and dimensions exist, and its filters work."""
    metrics, connection = championship
    request = request_of(command[1:])
    connection.execute(metrics.engine.explain(request).sql_statement.sql)


def test_printed_queries_are_found() -> None:
    assert {file for file, _ in PRINTED} == {"README.md", "overview.md", "Makefile"}
    assert {"--where", "--csv", "--quiet", "--saved-query"} <= {
        word for _, words in PRINTED for word in words
    }


def test_no_printed_query_cuts_a_tie() -> None:
    assert not [words for _, words in PRINTED if "--limit" in words]


@pytest.mark.slow
@needs_mf
def test_the_answers_in_the_readme_are_those_of_mf(real_warehouse: Path, tmp_path: Path) -> None:
    """`mf` prints exactly the answer that follows its command, from the real data."""
    environment = mf_environment(Metrics(real_warehouse), tmp_path)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    answers = re.findall(r"```sh\n\.venv/bin/(mf query .+?)```\n\n```text\n(.+?)```", readme, re.DOTALL)
    assert len(answers) == 2
    for command, answer in answers:
        options = shlex.split(command.replace("\\\n", " "))[1:]
        printed = must_run(MF, *options, **environment)
        assert [line.rstrip() for line in printed.splitlines()] == answer.splitlines()


@needs_mf
@pytest.mark.slow
def test_mf_gives_the_same_values(simulated: Metrics, tmp_path: Path) -> None:
    """`mf` validates the metrics against the warehouse, and answers a query."""
    environment = mf_environment(simulated, tmp_path)
    must_run(MF, "validate-configs", **environment)
    must_run(
        MF,
        "query",
        "--metrics",
        "win_rate",
        "--group-by",
        "driver",
        "--csv",
        tmp_path / "a.csv",
        **environment,
    )
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as handle:
        rows = {int(row["driver"]): float(row["win_rate"]) for row in csv.DictReader(handle)}
    with duckdb.connect(simulated.warehouse, read_only=True) as connection:
        assert rows == pytest.approx(simulated.values(connection, "win_rate", "driver"))


@needs_mf
@pytest.mark.slow
def test_mf_names_a_program_that_has_the_warehouse_open(simulated: Metrics, tmp_path: Path) -> None:
    environment = mf_environment(simulated, tmp_path)
    with duckdb.connect(tmp_path / "warehouse.duckdb"):
        result = run(MF, "query", "--quiet", "--metrics", "wins", **environment)
    assert result.returncode
    assert f"(PID {os.getpid()}) has it open; end that program, then start again\n" in result.stdout
    assert "Traceback" not in result.stdout
