"""The simulated championship: every row arrives, no test warns, and standings follow from results."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest
from conftest import Builder

PROJECT = Path(__file__).resolve().parents[2]

MARTS = {
    "circuits": "dim_circuits",
    "constructor_results": "fct_constructor_results",
    "constructor_standings": "fct_constructor_standings",
    "constructors": "dim_constructors",
    "driver_standings": "fct_driver_standings",
    "drivers": "dim_drivers",
    "lap_times": "fct_lap_times",
    "pit_stops": "fct_pit_stops",
    "qualifying": "fct_qualifying_results",
    "races": "dim_races",
    "results": "fct_race_results",
    "seasons": "dim_seasons",
    "sprint_results": "fct_sprint_results",
    "status": "dim_statuses",
}

# Errors of real files that the simulator writes on purpose.
SIMULATED_KINDS = {
    "country_spelling",
    "fastest_lap_rank_zero",
    "fastest_lap_speed_missing",
    "http_urls",
    "lap_above_ten_minutes",
    "pit_stop_above_ten_minutes",
    "position_of_unclassified",
    "short_rows",
    "sprint_points_left_out",
    "unclean_text",
}

# Queries that must return no rows, by what they would find.
NEVER = {
    "a race held without exactly one pole position": """
        select race_id from marts.fct_race_results
        group by race_id having count(*) filter (where is_pole) <> 1
    """,
    "a race held without exactly one winner": """
        select race_id from marts.fct_race_results
        group by race_id having count(*) filter (where is_win) <> 1
    """,
    "a podium without three drivers": """
        select race_id from marts.fct_race_results
        group by race_id having count(*) filter (where is_podium) <> 3
    """,
    "a gap in the positions of the classified": """
        select race_id from marts.fct_race_results where is_classified
        group by race_id having max(finishing_position) <> count(*)
    """,
    "a classified driver behind an unclassified one": """
        select race_id from marts.fct_race_results group by race_id
        having max(position_order) filter (where is_classified)
            > min(position_order) filter (where not is_classified)
    """,
    "points without a classification": """
        select result_id from marts.fct_race_results where points > 0 and not is_classified
    """,
    "a winner with a gap, or another driver without": """
        select result_id from marts.fct_race_results
        where race_time_ms is not null and is_win <> (gap_to_winner_ms = 0)
    """,
    "a lap in a race that the driver did not start": """
        select laps.race_id, laps.driver_id from marts.fct_lap_times as laps
        left join marts.fct_race_results as results
            on laps.race_id = results.race_id and laps.driver_id = results.driver_id and results.is_started
        where results.result_id is null
    """,
    "more or fewer laps than the result says": """
        select race_id, driver_id
        from marts.fct_race_results
        left join (
            select race_id, driver_id, count(*) as laps from marts.fct_lap_times group by race_id, driver_id
        ) as driver_laps using (race_id, driver_id)
        where coalesce(laps, 0) <> laps_completed
            and race_id in (select race_id from marts.fct_lap_times)
    """,
    "a driver's standing that is not the sum of points so far": """
        select race_id, standings.driver_id, standings.points, sum(scored.points)
        from marts.fct_driver_standings as standings
        left join (
            select season, round, driver_id, points from marts.fct_race_results
            union all
            select season, round, driver_id, points from marts.fct_sprint_results
        ) as scored
            on standings.season = scored.season and standings.driver_id = scored.driver_id
            and scored.round <= standings.round
        group by race_id, standings.driver_id, standings.points
        having standings.points <> coalesce(sum(scored.points), 0)
    """,
    "a constructor's standing that is not the sum of points so far": """
        select race_id, standings.constructor_id, standings.points, sum(scored.points)
        from marts.fct_constructor_standings as standings
        left join (
            select season, round, constructor_id, points from marts.fct_race_results
            union all
            select season, round, constructor_id, points from marts.fct_sprint_results
        ) as scored
            on standings.season = scored.season and standings.constructor_id = scored.constructor_id
            and scored.round <= standings.round
        group by race_id, standings.constructor_id, standings.points
        having standings.points <> coalesce(sum(scored.points), 0)
    """,
    "wins in a standing that are not those of the races so far": """
        select standings.race_id, standings.driver_id
        from marts.fct_driver_standings as standings
        left join marts.fct_race_results as results
            on standings.season = results.season and standings.driver_id = results.driver_id
            and results.round <= standings.round and results.is_win
        group by standings.race_id, standings.driver_id, standings.wins
        having standings.wins <> count(results.result_id)
    """,
    "a standing ahead of one with more points": """
        select ahead.race_id, ahead.driver_id
        from marts.fct_driver_standings as ahead
        inner join marts.fct_driver_standings as behind
            on ahead.race_id = behind.race_id and ahead.position < behind.position
        where ahead.points < behind.points
    """,
    "positions of a standing that are not 1 to n": """
        select race_id from marts.fct_driver_standings
        group by race_id having max(position) <> count(*) or count(distinct position) <> count(*)
    """,
    "a race held without standings": """
        select race_id from marts.dim_races where is_held and (
            race_id not in (select race_id from marts.fct_driver_standings)
            or race_id not in (select race_id from marts.fct_constructor_standings)
        )
    """,
    "a latest standing that is not of the last race held": """
        select season from marts.fct_driver_standings where is_latest_of_season
        group by season having max(round) <> min(round)
            or max(round) <> (select max(round) from marts.dim_races as races
                where races.season = fct_driver_standings.season and races.is_held)
    """,
}


@pytest.fixture(scope="module")
def warehouse(simulated_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of the simulated championship."""
    with duckdb.connect(simulated_warehouse, read_only=True) as connection:
        yield connection


@pytest.mark.parametrize("table", MARTS)
def test_every_row_of_the_source_arrives(
    warehouse: duckdb.DuckDBPyConnection, simulated_warehouse: Path, table: str
) -> None:
    """From the CSV to Parquet, to staging, to the mart."""
    path = simulated_warehouse.parent / "raw" / f"{table}.csv"
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = sum(1 for _ in csv.reader(handle)) - 1
    assert rows > 0
    for relation in (f"raw.{table}", f"staging.stg_ergast__{table}", f"marts.{MARTS[table]}"):
        assert warehouse.execute(f"select count(*) from {relation}").fetchall() == [(rows,)], relation


def test_nothing_fails_warns_or_is_skipped(simulated_warehouse: Path) -> None:
    """Every model, seed, test and unit test of the build passed, and there were some of each."""
    path = simulated_warehouse.parent / ".build" / "target" / "run_results.json"
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    status_of = {each["unique_id"]: each["status"] for each in results}
    good = {"success", "pass", "no-op"}  # an exposure is a no-op
    assert {key: status for key, status in status_of.items() if status not in good} == {}
    kinds = {key.partition(".")[0] for key, status in status_of.items() if status != "no-op"}
    assert {"model", "seed", "test", "unit_test"} <= kinds


@pytest.mark.parametrize("error", NEVER)
def test_rules_of_the_sport_hold(warehouse: duckdb.DuckDBPyConnection, error: str) -> None:
    """These hold from 2021 on, and so in every simulated season."""
    assert warehouse.execute(NEVER[error]).fetchall() == [], error


def test_every_simulated_season_is_complete(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Five seasons from 2021 on, each with sprints and a champion."""
    rows = warehouse.execute("""
        select season, is_complete, sprint_weekends > 0, count(driver_id)
        from marts.dim_seasons
        left join marts.fct_driver_standings using (season)
        where is_latest_of_season and position = 1
        group by all order by season
    """).fetchall()
    assert rows == [(season, True, True, 1) for season in range(2021, 2026)]


def test_the_half_points_race_has_half_points(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Half of 25, 18, 15 and so on, and none for the fastest lap."""
    rows = warehouse.execute("""
        select cast(points * 2 as integer) from marts.fct_race_results
        where season = 2021 and round = 12 and finishing_position <= 10 order by finishing_position
    """).fetchall()
    assert [points for (points,) in rows] == [25, 18, 15, 12, 10, 8, 6, 4, 2, 1]


def test_every_kind_of_anomaly_is_searched_for(warehouse: duckdb.DuckDBPyConnection) -> None:
    """The kinds in the SQL are those of the seed, and each has a row in the counts."""
    folder = PROJECT / "models" / "intermediate" / "anomalies"
    in_sql = [
        kind
        for path in sorted(folder.glob("*.sql"))
        for kinds in re.findall(
            r"anomaly\(\s*'(\w+)'|'(\w+)' as anomaly_kind", path.read_text(encoding="utf-8")
        )
        for kind in kinds
        if kind
    ]
    seeded = {
        kind for (kind,) in warehouse.execute("select anomaly_kind from seeds.anomaly_kinds").fetchall()
    }
    counted = [
        kind for (kind,) in warehouse.execute("select anomaly_kind from quality.anomaly_counts").fetchall()
    ]
    assert set(in_sql) == seeded
    assert sorted(counted) == sorted(seeded)


def test_the_counts_of_anomalies_are_those_of_the_list(warehouse: duckdb.DuckDBPyConnection) -> None:
    """The count of a kind without anomalies is 0."""
    differing = warehouse.execute("""
        select anomaly_kind, anomalies, listed
        from quality.anomaly_counts
        left join (
            select anomaly_kind, count(*) as listed from quality.source_anomalies group by anomaly_kind
        ) as list using (anomaly_kind)
        where anomalies <> coalesce(listed, 0)
    """).fetchall()
    assert differing == []


def test_simulated_errors_are_found(warehouse: duckdb.DuckDBPyConnection) -> None:
    """The list has every kind of error that the simulator writes on purpose."""
    rows = warehouse.execute("select distinct anomaly_kind from quality.source_anomalies").fetchall()
    assert SIMULATED_KINDS - {kind for (kind,) in rows} == set()


def test_the_warehouse_has_every_primary_key(
    simulated_warehouse: Path, warehouse: duckdb.DuckDBPyConnection
) -> None:
    """As an index. Where most rows are, it takes too much time or memory, so a query checks the key."""
    manifest = simulated_warehouse.parent / ".build" / "target" / "manifest.json"
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model"]
    declared = {
        (node["name"], *each["columns"])
        for node in models
        for each in node["constraints"]
        if each["type"] == "primary_key"
    }
    lap = ("race_id", "driver_id", "lap_number")
    stint = ("race_id", "driver_id", "stint_number")
    stop = ("race_id", "driver_id", "stop_number")
    checked = {("fct_lap_times", *lap), ("fct_race_laps", *lap), ("fct_stints", *stint)}
    checked |= {("fct_pit_stops", *stop), ("fct_pit_stop_times", *stop), ("fct_pit_stop_costs", *stop)}
    checked |= {("fct_what_if_points", "season", "round", "points_system", "driver_id")}
    assert checked == {
        key
        for key in declared
        for node in models
        if node["name"] == key[0] and not node["config"]["meta"].get("key_has_index", True)
    }
    keys = warehouse.execute(
        "select table_name, constraint_column_names from duckdb_constraints() "
        "where constraint_type = 'PRIMARY KEY' and schema_name in ('marts', 'quality')"
    ).fetchall()
    assert len(declared) > 20
    assert declared - checked <= {(table, *columns) for table, columns in keys}
    assert not checked & {(table, *columns) for table, columns in keys}


def test_a_repeated_key_is_named_and_the_table_stays(
    simulated_warehouse: Path, builder: Builder, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    ignored = shutil.ignore_patterns(".build", "raw")
    shutil.copytree(simulated_warehouse.parent, data, ignore=ignored)
    (data / ".build").mkdir()
    warehouse = (data / "warehouse.duckdb").rename(data / ".build" / "warehouse.duckdb")
    laps = data / "parquet" / "lap_times.parquet"
    rows = pl.read_parquet(laps)
    race, driver, lap = rows.select("race_id", "driver_id", "lap").row(0)
    pl.concat([rows, rows.head(1)]).write_parquet(laps)
    result = builder.dbt(data, "run", "--select", "fct_lap_times")
    said = " ".join(result.stdout.split())
    assert result.returncode == 1
    assert "marts.fct_lap_times: the primary key (race_id, driver_id, lap_number) must be unique." in said
    assert f"Repeated keys: 1, the first: race_id {race}, driver_id {driver}, lap_number {lap}" in said
    with duckdb.connect(warehouse, read_only=True) as connection:
        assert connection.table("marts.fct_lap_times").count("*").fetchall() == [(rows.height,)]
