"""The benchmark in its smallest form: what it measures and what its page shows. No test checks a speed.

The comparisons run in this process, so that their data folders can start from the first build of the run: dbt
parses the project and runs the unit tests once for all of them.
"""

import importlib.util
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest
from conftest import ROOT, SCRIPTS, Builder, must_run, run

from pitwall.raw.schema import raw_tables

BENCH = SCRIPTS / "benchmark"

LACKING = [name for name in ("pandas", "psutil", "pyarrow") if importlib.util.find_spec(name) is None]
NEEDS = f"`make bench-extra` installs what the benchmark needs: {', '.join(LACKING)}"
pytestmark = [pytest.mark.extra, pytest.mark.skipif(bool(LACKING), reason=NEEDS)]

TABLES = [
    "fct_lap_times",
    "fct_race_laps",
    "fct_race_pace",
    "fct_stints",
    "fct_race_results",
    "fct_driver_championship",
    "fct_constructor_championship",
]


@pytest.fixture
def bench(
    simulated_warehouse: Path, builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[dict]]:
    """Runs one comparison on very little data and returns its rows."""
    from benchmark import run as benchmark

    empty = benchmark.Bench.empty

    def prepared(self: benchmark.Bench, name: str) -> Path:
        folder = empty(self, name)
        builder.prepare(folder)
        return folder

    def compare(name: str, *options: str) -> list[dict]:
        benchmark.run(benchmark.parse([name, *options, "--quick", "--docs", str(tmp_path / "docs")]))
        results = json.loads((tmp_path / "data" / "benchmark" / "results.json").read_text(encoding="utf-8"))
        return results[name]["rows"]

    monkeypatch.setattr(benchmark.Bench, "empty", prepared)
    monkeypatch.delenv("PITWALL_REAL_DATA", raising=False)
    monkeypatch.setenv("PITWALL_DATA", str(tmp_path / "data"))
    return compare


def assert_measured(rows: list[dict]) -> None:
    """Assert that every row is of a process that succeeded and used time and memory."""
    assert rows
    for row in rows:
        assert not row["failed"], row
        assert row["seconds"] > 0, row
        assert row["processor_seconds"] > 0, row
        # A lower number means that the wrong process was measured: an interpreter alone holds some megabytes.
        assert row["peak_mb"] > 20, row


def assert_page(folder: Path, name: str, rows: list[dict]) -> None:
    """Assert that the page has a line for each row, and each of the two charts a bar."""
    page = (folder / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert "<!--" not in page
    for row in rows:
        assert f"| {row['data']}, {row['laps']:,} laps | {row['name']} |" in page
    for measure in ("time", "memory"):
        file = folder / "docs" / "benchmarks" / f"{name}-{measure}.svg"
        assert f"(benchmarks/{file.name})" in page
        assert file.stat().st_size < 20_000
        bars = ElementTree.parse(file).getroot().findall("{http://www.w3.org/2000/svg}rect")
        assert len(bars) == len(rows)


@pytest.mark.slow
def test_all_tools_give_one_answer_to_the_question(bench: Callable[..., list[dict]], tmp_path: Path) -> None:
    rows = bench("question")
    assert_measured(rows)
    assert [row["name"] for row in rows][:3] == ["pandas", "pandas_pyarrow", "warehouse"]
    assert rows[0]["drivers"] > 20
    assert_page(tmp_path, "question", rows)


@pytest.mark.slow
def test_pipelines_give_equal_tables(bench: Callable[..., list[dict]], tmp_path: Path) -> None:
    rows = bench("pipeline")
    assert_measured(rows)
    assert rows[0]["equal_tables"] == len(TABLES)
    assert all(row["warehouse_mb"] > 1 for row in rows[1:])
    assert_page(tmp_path, "pipeline", rows)


@pytest.mark.slow
def test_typical_pandas_gives_equal_tables(bench: Callable[..., list[dict]], tmp_path: Path) -> None:
    rows = bench("typical")
    assert_measured(rows)
    names = ["typical pandas", "careful pandas", "dbt build, tests included", "the SQL alone"]
    assert [row["name"] for row in rows] == names
    assert [row["equal_tables"] for row in rows[:2]] == [len(TABLES)] * 2
    assert rows[0]["seconds"] > rows[1]["seconds"]
    assert_page(tmp_path, "typical", rows)


@pytest.mark.slow
def test_polars_gives_equal_tables_of_laps(bench: Callable[..., list[dict]], tmp_path: Path) -> None:
    rows = bench("laps")
    assert_measured(rows)
    assert [row["name"] for row in rows] == ["Polars", "dbt build, models alone", "the SQL alone"]
    assert rows[0]["equal_tables"] == 2
    assert_page(tmp_path, "laps", rows)


@pytest.mark.slow
def test_make_build_is_measured_beside_an_older_commit(
    bench: Callable[..., list[dict]], tmp_path: Path
) -> None:
    rows = bench("builds", "--scale", "0.04", "--base", "HEAD")
    assert_measured(rows)
    names = ["one more race", "nothing changed", "everything"]
    assert [row["name"] for row in rows] == [*names, *(f"{name}, HEAD" for name in names)]
    assert_page(tmp_path, "builds", rows)
    page = (tmp_path / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert page.count("| at most 1 s |") == 1  # the goal is of this version


@pytest.mark.slow
def test_dbt_is_compared_with_its_own_sql(bench: Callable[..., list[dict]], tmp_path: Path) -> None:
    rows = bench("dbt", "--scale", "0.04")
    assert_measured(rows)
    assert rows[0]["nodes"] > 100
    assert_page(tmp_path, "dbt", rows)


@pytest.mark.slow
def test_adding_a_race_gives_the_same_tables_as_a_full_build(
    bench: Callable[..., list[dict]], tmp_path: Path
) -> None:
    rows = bench("growth", "--scale", "0.12")
    assert_measured(rows)
    assert [row["name"] for row in rows] == [
        "convert one more race",
        "build one more race",
        "convert everything",
        "build everything",
    ]
    assert rows[-1]["equal_tables"] > 30
    assert rows[1]["tables_replaced_in_part"] > 30
    assert rows[3]["tables_replaced_in_part"] == 0
    assert all(row["sql_seconds"] > 0 for row in (rows[1], rows[3]))
    assert_page(tmp_path, "growth", rows[2:])
    assert_page(tmp_path, "new-race", rows)


@pytest.mark.torture
def test_limit_is_measured_on_growing_data(bench: Callable[..., list[dict]], tmp_path: Path) -> None:
    rows = bench("limit")
    assert_measured(rows)
    assert [(row["data"], row["name"]) for row in rows] == [
        (scale, f"{what} everything") for scale in ("0.04x", "0.08x") for what in ("convert", "build")
    ]
    assert all(row["warehouse_mb"] > 0 for row in rows[1::2])
    assert_page(tmp_path, "limit", rows)


@pytest.mark.parametrize("comparison", ["limit", "engines"])
def test_a_failure_is_recorded_and_not_tried_on_more_data(
    comparison: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmark import run as benchmark
    from benchmark.measure import Measured

    (tmp_path / "lap_times.csv").write_text("header\nlap\n", encoding="utf-8")
    success, failure = Measured(2, 3, 100), Measured(2, 3, 100, failed="exit code 1: out of memory")

    def build(data: Path, engine: str = "duckdb", may_fail: bool = False) -> Measured:
        (data / "warehouse.duckdb").touch()
        result = failure if bench.rows and engine != "spark" else success
        assert may_fail or not result.failed
        return result

    bench = benchmark.Bench(tmp_path, 1, [1, 2, 4], [], None)
    monkeypatch.setattr(benchmark.Bench, "simulated", lambda self, scale: tmp_path)
    monkeypatch.setattr(benchmark, "convert", lambda raw, data: success)
    monkeypatch.setattr(benchmark, "build", build)
    benchmark.COMPARISONS[comparison].run(bench)
    built = [(row["data"], row["name"], bool(row["failed"])) for row in bench.rows]
    if comparison == "limit":
        assert built == [("1x", "convert everything", False), ("1x", "build everything", True)]
        assert (tmp_path / "limit" / "warehouse.duckdb").exists()
    else:
        smallest = [("1x", "duckdb", False), ("1x", "postgres", False), ("1x", "spark", False)]
        double = [("2x", "duckdb", True), ("2x", "postgres", True), ("2x", "spark", False)]
        assert built == [*smallest, *double, ("4x", "spark", False)]


def test_the_largest_size_is_built_in_full_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmark import run as benchmark
    from benchmark.measure import Measured

    (tmp_path / "lap_times.csv").write_text("header\nlap\n", encoding="utf-8")
    done: list[str] = []

    def convert(raw: Path, data: Path, from_scratch: bool = True) -> Measured:
        done.append(f"convert {'before' if raw.name == 'before' else 'after'} {from_scratch}")
        return Measured(2, 3, 100)

    def build(data: Path, from_scratch: bool = True, **environment: object) -> Measured:
        (data / "warehouse.duckdb").touch()
        if environment:
            Path(str(environment["PITWALL_CLOCK"])).touch()
        done.append(f"build {from_scratch} {'measured' if environment else 'not measured'}")
        return Measured(2, 3, 100)

    bench = benchmark.Bench(tmp_path, 1, [1, 100], [], None)
    monkeypatch.setattr(benchmark.Bench, "simulated", lambda self, scale: tmp_path)
    monkeypatch.setattr(benchmark, "without_last_race", lambda raw, out: None)
    monkeypatch.setattr(benchmark, "equal_tables", lambda label, incremental, full: 44)
    monkeypatch.setattr(benchmark, "convert", convert)
    monkeypatch.setattr(benchmark, "build", build)
    benchmark.compare_growth(bench)
    setup, *done = done[1:]
    assert setup == "build True not measured"
    assert done == [
        *("convert before True", "build True not measured"),
        *("convert after False", "build False measured", "convert after True", "build True measured"),
        *("convert before True", "build True measured", "convert after False", "build False measured"),
    ]
    names = [(row["data"], row["name"], row.get("equal_tables")) for row in bench.rows]
    few, full = (("convert one more race", "build one more race"), ("convert everything", "build everything"))
    assert names == [
        *(("1x", name, None) for name in few),
        *(("1x", full[0], None), ("1x", full[1], 44)),
        *(("100x", name, None) for name in (*full, *few)),
    ]


def test_first_failure_names_the_node_and_its_error(tmp_path: Path) -> None:
    from benchmark import run as benchmark

    assert benchmark.first_failure(tmp_path) == ""
    success = {"unique_id": "model.pitwall.dim_drivers", "status": "success", "message": "OK"}
    message = (
        "Runtime Error in model fct_stints (models/fct_stints.sql)\n  Out of Memory Error: no room\n  \n  See"
    )
    error = {"unique_id": "model.pitwall.fct_stints", "status": "error", "message": message}
    fail = {"unique_id": "test.pitwall.rules.0a1b", "status": "fail", "message": "Got 2 results"}
    for nodes, expected in (
        ([success], ""),
        ([success, error, fail], "fct_stints: Out of Memory Error: no room"),
        ([success, fail], "rules: Got 2 results"),
    ):
        (tmp_path / "run_results.json").write_text(json.dumps({"results": nodes}), encoding="utf-8")
        assert benchmark.first_failure(tmp_path) == expected


@pytest.mark.slow
def test_convert_is_measured_with_its_rivals(tmp_path: Path) -> None:
    """This test runs the command, as a user does."""
    options = ["--quick", "--docs", tmp_path / "docs"]
    must_run(BENCH / "run.py", "convert", *options, PITWALL_DATA=tmp_path / "data")
    results = json.loads((tmp_path / "data" / "benchmark" / "results.json").read_text(encoding="utf-8"))
    rows = results["convert"]["rows"]
    assert_measured(rows)
    assert {row["name"] for row in rows} >= {"pitwall", "pandas", "pyarrow", "duckdb"}
    assert all(row["parquet_mb"] > 0 for row in rows)
    assert_page(tmp_path, "convert", rows)


def pandas_tables(raw: Path, out: Path) -> Path:
    must_run(BENCH / "pandas_pipeline.py", raw, out)
    return out


def test_the_scale_of_1_is_the_laps_of_the_real_files(real_files: Path) -> None:
    from benchmark.page import REAL_LAPS
    from benchmark.run import count_laps

    assert count_laps(real_files) == REAL_LAPS


def test_a_program_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    from benchmark.measure import measured

    child = "import time, pathlib; time.sleep(3); pathlib.Path('ended').touch()"
    both = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    result = measured(sys.executable, "-c", both, may_fail=True, minutes=0.005, cwd=tmp_path)
    assert result.failed == "stopped after 0.005 minutes"
    assert result.seconds < 3
    time.sleep(3.2 - result.seconds)
    assert not (tmp_path / "ended").exists()  # the child was stopped too
    assert measured(sys.executable, "-c", "pass", minutes=1).failed == ""


@pytest.fixture(scope="module")
def simulated_rival(simulated_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pandas_tables(simulated_warehouse.parent / "raw", tmp_path_factory.mktemp("rival"))


def test_rival_equals_the_simulated_warehouse(simulated_warehouse: Path, simulated_rival: Path) -> None:
    from benchmark.compare import differing_parquet

    assert differing_parquet(simulated_warehouse, simulated_rival, TABLES) == dict.fromkeys(TABLES, 0)


@pytest.mark.parametrize(
    ("program", "tables"),
    [
        pytest.param("pandas_typical.py", TABLES, marks=pytest.mark.slow),
        ("polars_laps.py", TABLES[:2]),
    ],
)
def test_other_rivals_equal_a_warehouse(
    program: str, tables: list[str], simulated_warehouse: Path, tmp_path: Path
) -> None:
    from benchmark.compare import differing_parquet

    must_run(BENCH / program, simulated_warehouse.parent / "raw", tmp_path)
    assert differing_parquet(simulated_warehouse, tmp_path, tables) == dict.fromkeys(tables, 0)


def test_times_of_laps_are_read_where_milliseconds_are_missing() -> None:
    import polars as pl

    from benchmark.pandas_typical import time_to_ms
    from benchmark.polars_laps import to_ms

    texts = {"27.452": 27_452, "1:27.452": 87_452, "1:34:50.616": 5_690_616}
    frame = pl.DataFrame({"text": list(texts)}).select(to_ms(pl.col("text")))
    assert frame.to_series().to_list() == [time_to_ms(text) for text in texts] == list(texts.values())


def test_polars_leaves_out_the_slot_of_a_start_from_the_pit_lane(tmp_path: Path) -> None:
    """The real files have no laps of the season in which the seed names such starts."""
    from benchmark.polars_laps import entries

    files = {
        "races": "raceId,year,round\n7,2025,6\n8,2025,7\n",
        "drivers": "driverId,driverRef\n1,gasly\n2,ocon\n",
        "results": "resultId,raceId,driverId,grid,laps,positionOrder,positionText\n"
        "1,7,1,20,57,13,13\n2,7,2,9,57,12,12\n3,8,1,10,60,1,R\n4,8,2,0,60,2,R\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text)
    rows = entries(tmp_path).sort("race_id", "driver_id").collect()
    assert rows["grid_position"].to_list() == [None, 9, 10, None]


@pytest.mark.slow
def test_rivals_equal_the_real_warehouse(real_files: Path, builder: Builder, tmp_path: Path) -> None:
    """A build of its own, because the rivals do not read the record of safety cars and red flags."""
    from benchmark.compare import differing_parquet

    raw, data = tmp_path / "raw", tmp_path / "data"
    raw.mkdir()
    optional = {table.file for table in raw_tables() if table.is_optional}
    for file in real_files.glob("*.csv"):
        if file.name not in optional:
            (raw / file.name).symlink_to(file)
    warehouse = builder.warehouse(raw, data)
    for program, tables in (("pandas_pipeline.py", TABLES), ("polars_laps.py", TABLES[:2])):
        must_run(BENCH / program, raw, tmp_path / program)
        assert differing_parquet(warehouse, tmp_path / program, tables) == dict.fromkeys(tables, 0), program


@pytest.mark.parametrize(
    "change",
    [
        "update marts.fct_race_laps set gap_to_leader_ms = gap_to_leader_ms + 1 where lap_number = 2",
        "delete from marts.fct_race_laps where lap_number = 2",
        "update marts.fct_race_laps set elapsed_ms = null where lap_number = 2",
    ],
)
def test_one_wrong_cell_is_found(
    change: str, simulated_warehouse: Path, simulated_rival: Path, tmp_path: Path
) -> None:
    from benchmark.compare import differing_parquet, differing_warehouses

    wrong = Path(shutil.copy2(simulated_warehouse, tmp_path))
    with duckdb.connect(wrong) as connection:
        key = connection.execute(
            "select race_id, driver_id from marts.fct_race_laps where lap_number = 2 limit 1"
        ).fetchone()
        connection.execute(f"{change} and race_id = {key[0]} and driver_id = {key[1]}")
    assert differing_parquet(wrong, simulated_rival, ["fct_race_laps"])["fct_race_laps"] > 0
    differs = differing_warehouses(simulated_warehouse, wrong)
    assert [table for table, rows in differs.items() if rows] == ["marts.fct_race_laps"]


def test_measures_the_memory_of_children() -> None:
    from benchmark.measure import measured

    hold = "import time; held = bytearray(150_000_000); time.sleep(0.5)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}], check=True)"
    assert measured(sys.executable, "-c", child).peak_mb > 150
    both = f"import subprocess, sys; held = bytearray(150_000_000); {child}"
    assert measured(sys.executable, "-c", both).peak_mb > 300


def test_does_not_measure_its_own_memory() -> None:
    from benchmark.measure import measured

    held = bytearray(400_000_000)
    assert measured(sys.executable, "-c", "pass").peak_mb < 100
    assert held


def test_only_the_last_race_is_removed(simulated_warehouse: Path, tmp_path: Path) -> None:
    from benchmark import run as benchmark

    raw = simulated_warehouse.parent / "raw"
    benchmark.without_last_race(raw, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(file.name for file in raw.glob("*.csv"))
    for table in ("results", "lap_times", "driver_standings"):
        lines = (raw / f"{table}.csv").read_text(encoding="utf-8").splitlines()
        column = lines[0].split(",").index("raceId")
        races = [line.split(",")[column] for line in lines[1:]]
        remaining = (tmp_path / f"{table}.csv").read_text(encoding="utf-8").splitlines()
        assert len(lines) - len(remaining) == races.count(races[-1]) > 10
        assert races[-1] not in {line.split(",")[column] for line in remaining[1:]}
    assert (tmp_path / "races.csv").read_bytes() == (raw / "races.csv").read_bytes()


def test_page_can_be_written_again_without_measuring(tmp_path: Path) -> None:
    no_results = run(BENCH / "run.py", "page", "--docs", tmp_path, PITWALL_DATA=tmp_path / "data")
    assert no_results.returncode == 2
    assert "no results yet" in no_results.stdout
    row = {"data": "1x", "laps": 10, "name": "pandas", "seconds": 2.0, "processor_seconds": 3.0}
    row |= {"peak_mb": 100.0, "runs": 1, "failed": ""}
    failed = row | {"name": "<b>duckdb</b>", "failed": "killed by SIGKILL: it said nothing", "seconds": 100.0}
    machine = {name: name for name in ("system", "processor", "cores", "memory", "Python")}
    part = {
        "machine": machine,
        "day": "2026-01-01",
        "seconds": 61,
        "rows": [row, row | {"name": "us", "seconds": 1.0}, failed],
    }
    results = tmp_path / "data" / "benchmark" / "results.json"
    results.write_text(json.dumps({"question": part, "limit": part | {"seconds": 6000}}), encoding="utf-8")
    must_run(BENCH / "run.py", "page", "--docs", tmp_path, PITWALL_DATA=tmp_path / "data")
    page = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "| us | 1.00 | 3.00 | 100 | 2.00x | 1.00x |" in page
    assert page.count("failed (killed by SIGKILL: it said nothing)") == 2
    assert "(1 minutes for what is on this page, " in page
    chart = ElementTree.parse(tmp_path / "benchmarks" / "question-time.svg").getroot()
    bars = [int(bar.attrib["width"]) for bar in chart.findall("{http://www.w3.org/2000/svg}rect")]
    assert bars == [380, 190, 1]


def test_unknown_comparison_is_refused(tmp_path: Path) -> None:
    result = run(BENCH / "run.py", "speed", PITWALL_DATA=tmp_path)
    assert result.returncode == 2
    assert "no comparison is called speed" in result.stdout


def test_benchmark_page_links_to_files_that_exist() -> None:
    page = ROOT / "docs" / "benchmarks.md"
    if not page.exists():
        pytest.skip("docs/benchmarks.md is not written yet")
    for target in page.read_text(encoding="utf-8").split("](")[1:]:
        assert (page.parent / target.split(")")[0]).is_file()
