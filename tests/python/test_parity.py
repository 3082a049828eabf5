"""scripts/parity.py finds every difference between two engines, and names the first one."""

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import SCRIPTS, run

import parity
from parity import EnginesDiffer, report
from pitwall.needs import NotAvailable
from pitwall.warehouse.comparison import Export, Mart, Result, compare, compare_mart, read_marts

MART = Mart(
    "marts",
    "laps",
    {"race_id": "hugeint", "lap": "hugeint", "points": "decimal(38, 9)", "driver": "varchar"},
    ["race_id", "lap"],
    is_history=False,
)
# The key of the last row has a NULL: an engine that does not enforce keys allows it.
ROWS = [(1, 1, Decimal("1.50"), "Senna"), (1, 2, Decimal("0.14"), None), (2, 1, None, "{Prost}")]
ROWS += [(None, 1, None, None)]
COLUMNS = "race_id, lap, points, driver"


@pytest.fixture
def export(tmp_path: Path) -> Any:
    """A function that writes rows as an engine would, and returns the export."""

    def write(engine: str, rows: list[tuple[Any, ...]], query: str = "*", mart: Mart = MART) -> Export:
        folder = tmp_path / engine / mart.schema / mart.name
        folder.mkdir(parents=True)
        with duckdb.connect() as connection:
            connection.execute(
                "create table laps (race_id int, lap int, points decimal(8, 2), driver varchar)"
            )
            if rows:
                connection.executemany("insert into laps values (?, ?, ?, ?)", rows)
            connection.execute(f"copy (select {query} from laps) to '{folder}/all.parquet' (format parquet)")
        return Export(engine, tmp_path / engine, [mart])

    return write


def changed(row: int, column: int, value: Any) -> list[tuple[Any, ...]]:
    """The rows with one cell changed."""
    rows = [list(each) for each in ROWS]
    rows[row][column] = value
    return [tuple(each) for each in rows]


def test_the_same_rows_in_another_order_and_other_types_are_identical(export: Any) -> None:
    other = "race_id::bigint as race_id, lap::smallint as lap, points::varchar as points, driver"
    assert compare(MART, export("one", ROWS), export("two", ROWS[::-1], other)) == Result("identical")


@pytest.mark.parametrize(
    ("rows", "difference"),
    [
        (
            changed(0, 2, Decimal("1.51")),
            "race_id=1, lap=1: points is 1.500000000 on one, 1.510000000 on two",
        ),
        (changed(0, 2, None), "race_id=1, lap=1: points is 1.500000000 on one, None on two"),
        (changed(1, 3, ""), "race_id=1, lap=2: driver is None on one,  on two"),
        (changed(2, 3, "{prost}"), "race_id=2, lap=1: driver is {Prost} on one, {prost} on two"),
        (ROWS[1:], "race_id=1, lap=1: only on one"),
        ([*ROWS, (3, 1, None, None)], "race_id=3, lap=1: only on two"),
        ([*ROWS, ROWS[1]], "race_id=1, lap=2: only on two"),
        ([], "race_id=1, lap=1: only on one"),
    ],
)
def test_a_difference_is_named(export: Any, rows: list[tuple[Any, ...]], difference: str) -> None:
    assert compare(MART, export("one", ROWS), export("two", rows)).difference == difference


def test_all_differing_rows_are_counted(export: Any) -> None:
    rows = [(race, lap, Decimal(9), driver) for race, lap, _, driver in ROWS]
    assert compare(MART, export("one", ROWS), export("two", rows)).word == "4 rows"


@pytest.mark.parametrize(
    ("query", "difference"),
    [
        ("race_id, lap, points", "columns driver"),
        (f"{COLUMNS}, 1 as more", "columns more"),
        ("lap, race_id, points, driver", "columns in another order"),
    ],
)
def test_columns_are_compared(export: Any, query: str, difference: str) -> None:
    assert compare(MART, export("one", ROWS), export("two", ROWS, query)).difference == difference


def test_a_missing_table_is_a_difference(export: Any, tmp_path: Path) -> None:
    other = Export("two", tmp_path / "two", [MART])
    assert compare_mart(MART, export("one", ROWS), other).difference == "there is no such table"


def test_a_table_that_an_engine_does_not_build_is_reported_as_not_built(export: Any, tmp_path: Path) -> None:
    assert compare_mart(MART, export("one", ROWS), Export("two", tmp_path / "two", [])) == Result(
        "not built there"
    )


def test_marts_of_the_history_are_compared_if_the_engines_have_the_same_history(export: Any) -> None:
    mart = Mart(MART.schema, MART.name, MART.columns, MART.key, is_history=True)
    snapshot = Mart("snapshots", "history", {}, [], is_history=False)
    one, two = export("one", ROWS), export("two", changed(0, 3, "Prost"))
    version = "race_id as result_id, driver, {} as dbt_valid_from, null::timestamp as dbt_valid_to"
    export("one", ROWS, version.format("timestamp '2026-01-01'"), snapshot)
    export("two", ROWS, version.format("timestamp '2027-01-01'"), snapshot)
    assert compare_mart(mart, one, two).word == "1 row"
    (two.folder / "snapshots" / "history" / "all.parquet").unlink()
    (two.folder / "snapshots" / "history").rmdir()
    export("two", ROWS[1:], version.format("timestamp '2027-01-01'"), snapshot)
    assert compare_mart(mart, one, two) == Result("history of its own")


def test_the_report_has_a_column_per_engine_and_a_difference_is_raised(
    export: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, three = export("one", ROWS), export("two", ROWS), export("three", ROWS[1:])
    report(one, two)
    assert "No difference: one, two." in capsys.readouterr().out
    with pytest.raises(EnginesDiffer, match=r"marts\.laps on three: race_id=1, lap=1: only on one"):
        report(one, two, three)
    [line] = [line for line in capsys.readouterr().out.splitlines() if "marts.laps" in line]
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "marts.laps",
        "4",
        "4",
        "identical",
        "1 row",
    ]


def test_every_mart_of_the_project_is_compared(simulated_warehouse: Path) -> None:
    """With all its columns, except the time of a revision."""
    manifest = simulated_warehouse.parent / ".build" / "target" / "manifest.json"
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    public = {
        node["name"]: set(node["columns"])
        for node in nodes
        if node["resource_type"] == "model" and node["config"]["schema"] in ("marts", "quality")
    }
    marts = read_marts(manifest)
    left_out = {f"{mart.name}.{column}" for mart in marts for column in public[mart.name] - set(mart.columns)}
    assert {mart.name for mart in marts} == set(public)
    assert all(mart.key for mart in marts)
    assert {kind for mart in marts for kind in mart.columns.values()} == {
        "hugeint",
        "decimal(38, 9)",
        "date",
        "timestamp",
        "boolean",
        "varchar",
    }
    assert left_out == {"fct_result_revisions.revised_at"}


def test_the_engines_are_checked_before_the_first_build(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def check(engine: str) -> None:
        if engine == "spark":
            raise NotAvailable("spark: no java")

    monkeypatch.setattr(parity, "check_available", check)
    monkeypatch.setattr(parity, "build", built.append)
    with pytest.raises(NotAvailable, match="no java"):
        parity.parity(["duckdb", "spark"], need_all=True, is_built=False)
    with pytest.raises(NotAvailable, match="there are no two engines to compare, only duckdb"):
        parity.parity(["duckdb", "spark"], need_all=False, is_built=False)
    assert built == []


def test_a_single_engine_is_refused(simulated_warehouse: Path, tmp_path: Path) -> None:
    shutil.copy(simulated_warehouse, tmp_path)  # it must not be open in another process
    result = run(SCRIPTS / "parity.py", "--built", "--engine", "duckdb", PITWALL_DATA=tmp_path)
    assert result.returncode == 2
    assert result.stdout == "parity: there are no two engines to compare, only duckdb\n"


def test_an_engine_without_a_warehouse_is_reported(tmp_path: Path) -> None:
    result = run(SCRIPTS / "parity.py", "--built", "--engine", "duckdb", PITWALL_DATA=tmp_path)
    assert result.returncode == 2
    assert result.stdout == (
        f"parity: {tmp_path}/warehouse.duckdb: is not built yet; `make build` builds it\n"
    )
