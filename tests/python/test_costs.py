"""What a build costs, without a clock: statements, rows, bytes, and counters of DuckDB, beside costs.json.

The statements are those of the build of the shared simulated warehouse, without its unit tests, whose costs
depend on no data. They run again here, in one thread, so that the counters do not depend on the machine. A
figure may be larger than recorded by its tolerance. If a larger one is wanted, or if the costs fell, record
them:

    PITWALL_RECORD_COSTS=1 .venv/bin/python -m pytest tests/python/test_costs.py
"""

import json
import os
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import TESTS

from benchmark.replay import statements

# In the comment that dbt writes into the statements of a unit test.
UNIT_TEST = '"node_id": "unit_test.'
RECORDED = TESTS / "costs.json"
RECORD = "PITWALL_RECORD_COSTS=1 .venv/bin/python -m pytest tests/python/test_costs.py"

# By how many per cent each may grow, and what may have made it grow.
TOLERANCES = {
    "statements": (2, "dbt sends more statements: more nodes, hooks, or blocks of seasons"),
    "rows written": (2, "more rows or more tables are written"),
    "rows scanned": (
        5,
        "tables are read more often: a second scan, or a view that is computed for each reader",
    ),
    "rows between operators": (
        5,
        "joins or windows have more rows: a join that multiplies, or a later filter",
    ),
    "bytes of the warehouse": (5, "the file is larger: an index, more columns, or wider types"),
    "indexes": (0, "there are more indexes: a primary key, a unique key, or `indexes` of a model"),
}
OF_THE_FILE = ("bytes of the warehouse", "indexes")
OF_A_TABLE = ("rows written", "rows scanned", "rows between operators")
# A table below this many rows scanned is counted in the total only.
LARGE = 100_000
WRITES = re.compile(
    r"(?:create\s+(?:or replace\s+)?table|insert into|delete from)\s+([\w\".]+)", re.IGNORECASE
)

Costs = dict[str, dict[str, int]]


def replayed(sent: Path, folder: Path) -> Costs:
    """Run the statements of a build again. Returns what they cost, in total and by table."""
    total: Counter[str] = Counter()
    tables: dict[str, Counter[str]] = {}
    with duckdb.connect(folder / "warehouse.duckdb", config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("pragma enable_profiling = 'no_output'")
        for statement in statements(sent):
            if not statement["sql"] or UNIT_TEST in statement["sql"]:
                continue  # without SQL, the rows of the statement before were fetched
            total["statements"] += 1
            for part in connection.extract_statements(statement["sql"]):
                rows = connection.execute(part, statement["bindings"] or []).fetchall()
                found = WRITES.match(re.sub(r"/\*.*?\*/", "", part.query, flags=re.DOTALL).strip())
                # Statements without a plan, such as the definition of a view, have no counters.
                counted = json.loads(connection.get_profiling_information(format="json")).get("query", {})
                costs = {
                    "rows written": rows[0][0] if found and rows else 0,
                    "rows scanned": counted.get("total_rows_scanned", 0),
                    "rows between operators": counted.get("total_intermediate_rows", 0),
                }
                total.update(costs)
                if found:
                    table = ".".join(found[1].replace('"', "").split(".")[-2:])
                    tables.setdefault(table, Counter()).update(costs)
        connection.execute("checkpoint")
        total["indexes"] = count(
            connection,
            "select count(*) from duckdb_constraints() where constraint_type in ('PRIMARY KEY', 'UNIQUE')",
        ) + count(connection, "select count(*) from duckdb_indexes()")
    total["bytes of the warehouse"] = (folder / "warehouse.duckdb").stat().st_size
    large = {name: costs for name, costs in sorted(tables.items()) if costs["rows scanned"] >= LARGE}
    return {"the whole build": dict(total), **{name: dict(costs) for name, costs in large.items()}}


def count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    """The number that a query returns."""
    return int(connection.execute(query).fetchall()[0][0])


def grown(costs: Costs, recorded: Costs) -> list[str]:
    """A line for each cost that grew by more than its tolerance."""
    lines = []
    for where, now in costs.items():
        if where not in recorded:
            lines.append(f"{where}: scans {now['rows scanned']:,} rows, and was below {LARGE:,} or not there")
        for what, figure in now.items():
            before = recorded.get(where, {}).get(what, figure)
            percent, reason = TOLERANCES[what]
            if figure * 100 > before * (100 + percent):
                share = f"{100 * figure / before - 100:+.0f} %, at most {percent} %" if before else "was none"
                lines.append(
                    f"{where}: {what}: {figure:,}, recorded are {before:,} ({share}). Perhaps {reason}."
                )
    return lines


@pytest.fixture(scope="session")
def replayed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("costs")


@pytest.fixture(scope="session")
def costs(simulated_statements: Path, replayed_folder: Path) -> Costs:
    found = replayed(simulated_statements, replayed_folder)
    if os.environ.get("PITWALL_RECORD_COSTS"):
        RECORDED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def recorded() -> Any:
    return json.loads(RECORDED.read_text(encoding="utf-8"))


def test_a_build_costs_no_more_than_is_recorded(costs: Costs) -> None:
    if lines := grown(costs, recorded()):
        lines += ["Look at what grew. If it is worth it, record it:", f"    {RECORD}"]
        pytest.fail(
            "\n".join(["The build costs more than tests/python/costs.json says:", *lines]), pytrace=False
        )


def test_the_recorded_costs_are_those_of_the_present_tables(costs: Costs) -> None:
    gone = sorted(set(recorded()) - set(costs))
    assert gone == [], f"their costs fell or they are gone; record the new ones: {RECORD}"


def test_every_cost_has_a_tolerance(costs: Costs) -> None:
    assert set(costs["the whole build"]) == set(TOLERANCES)
    assert all(set(found) == set(OF_A_TABLE) for name, found in costs.items() if name != "the whole build")
    assert "marts.fct_race_laps" in costs


@pytest.mark.parametrize("what", TOLERANCES)
def test_a_cost_that_grows_is_reported(costs: Costs, what: str) -> None:
    percent = TOLERANCES[what][0]
    for factor, is_reported in ((100 + percent, False), (103 + percent, True)):
        larger = {**costs, "the whole build": {**costs["the whole build"]}}
        larger["the whole build"][what] = costs["the whole build"][what] * factor // 100
        assert bool(grown(larger, costs)) == is_reported


CHANGES = {
    "an index": ("create index an_index on marts.dim_races (race_date)", "indexes"),
    "a larger file": (
        "create index an_index on marts.fct_race_laps (race_id, driver_id, lap_number)",
        "bytes of the warehouse",
    ),
    "two more scans": (
        "create table marts.one_row as select count(*) from marts.fct_race_laps as laps "
        "join marts.fct_race_laps as others using (race_id, driver_id, lap_number)",
        "rows scanned",
    ),
    "a table": ("create table marts.a_copy as select * from marts.fct_race_laps", "rows written"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_costs_is_found(
    change: str, costs: Costs, replayed_folder: Path, tmp_path: Path
) -> None:
    """A build that does this in addition fails the test above."""
    sql, what = CHANGES[change]
    shutil.copy(replayed_folder / "warehouse.duckdb", tmp_path)
    sent = tmp_path / "statements.jsonl"
    sent.write_text(json.dumps({"sql": sql, "bindings": None, "seconds": 0}), encoding="utf-8")
    added = replayed(sent, tmp_path)["the whole build"]
    whole = costs["the whole build"]
    both = {each: added[each] + (0 if each in OF_THE_FILE else whole[each]) for each in whole}
    lines = grown({"the whole build": both}, costs)
    assert any(each.startswith(f"the whole build: {what}: ") for each in lines), lines
