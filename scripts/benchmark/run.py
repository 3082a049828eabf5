#!/usr/bin/env python3
"""Measure how fast Pitwall is compared with other tools, and write docs/benchmarks.md.

    .venv/bin/python scripts/benchmark/run.py                          all comparisons except `limit`
    .venv/bin/python scripts/benchmark/run.py limit                    how many laps fit: half an hour, 40 GB
    .venv/bin/python scripts/benchmark/run.py builds --base v1.0       `make build`, beside an older commit
    .venv/bin/python scripts/benchmark/run.py --quick                  all, with little data
    .venv/bin/python scripts/benchmark/run.py pipeline --scale 1,17    one, at multiples of the real laps
    .venv/bin/python scripts/benchmark/run.py page                     write the page from the last results
    .venv/bin/python scripts/benchmark/run.py page --before old.md     beside the figures of an older page

Each figure is of a whole process, with its start and its imports: the median of several runs, in which the
ways take turns. The results are written to $PITWALL_DATA/benchmark/results.json, and the data made for them
to the same folder. If PITWALL_REAL_DATA names the folder of the real files, they are measured too. A goal is
never asserted: the page says whether it is reached.
"""

import argparse
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

# Python looks for packages in the folder of the script, not in the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmark.goals import CAREFUL, SQL_ALONE, TYPICAL, WITH_TESTS
from benchmark.measure import Measured, in_a_row, measured, median
from benchmark.page import REAL_LAPS, TYPICAL_MINUTES
from pitwall.command import ROOT, Parser, PlainError, exit_code, require
from pitwall.data_folder import data_folder
from pitwall.warehouse.dbt import MERGED_TESTS, target_folder
from pitwall.warehouse.engines import ENGINES
from pitwall.warehouse.versions import base_commit, extracted

SCRIPTS = ROOT / "scripts"
HERE = SCRIPTS / "benchmark"
DOCS = ROOT / "docs"
LAPS_A_SEASON = 26_100  # as simulate.py makes them
TABLES = [
    "fct_lap_times",
    "fct_race_laps",
    "fct_race_pace",
    "fct_stints",
    "fct_race_results",
    "fct_driver_championship",
    "fct_constructor_championship",
]
LAP_TABLES = TABLES[:2]
CONVERT_RIVALS = ["pandas", "pandas_pyarrow", "pyarrow", "pyarrow_stream", "duckdb"]

Row = dict[str, Any]
Command = list[str | Path]


@dataclass
class Bench:
    """Where the benchmark works, and how much it measures."""

    folder: Path
    runs: int
    scales: list[float]
    sizes_mb: list[float]
    real: Path | None
    base: str | None = None  # a commit to compare with
    rows: list[Row] = field(default_factory=list)

    def datasets(self) -> list[tuple[str, Path]]:
        """The data to measure on: the real files if they are here, and a simulation for each scale."""
        real = [("real files", self.real)] if self.real else []
        return real + [(f"{scale:g}x", self.simulated(scale)) for scale in self.scales]

    def simulated(self, scale: float) -> Path:
        """A simulated championship with `scale` times the real number of laps. It is made once, then kept."""
        seasons = max(1, round(scale * REAL_LAPS / LAPS_A_SEASON))
        raw = self.folder / "raw" / f"{seasons}-seasons"
        if not (raw / "status.csv").exists():
            report(f"simulating {seasons} seasons")
            measured(sys.executable, SCRIPTS / "simulate.py", "--seasons", str(seasons), raw)
        return raw

    def empty(self, name: str) -> Path:
        """An empty folder with this name."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def add(self, data: str, laps: int, name: str, result: Measured, **more: object) -> None:
        """Record a result, and print it."""
        row = {"data": data, "laps": laps, "name": name, **result.as_row(), **more}
        self.rows.append(row)
        extra = "".join(f", {key.replace('_', ' ')} {value}" for key, value in more.items())
        report(
            f"{data:>10}  {name}: {result.seconds:.2f} s, {result.processor_seconds:.2f} s of processors, "
            f"{result.peak_mb:,.0f} MB{extra}{', FAILED: ' + result.failed if result.failed else ''}"
        )


def report(text: str) -> None:
    """Print a line now, although the output may go to a file."""
    print(text, flush=True)


def count_laps(raw: Path) -> int:
    """The number of lines of lap_times.csv, without the header."""
    with (raw / "lap_times.csv").open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 24), b"")) - 1


Way = Callable[[], Measured]


def in_turns(ways: Mapping[str, Way], runs: int) -> dict[str, Measured]:
    """Run each way `runs` times, in turns, so that a slow minute of the machine affects them all.

    Returns:
        The median of each way.
    """
    results: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            # A way that failed once is not tried again.
            if not (results[name] and results[name][-1].failed):
                results[name].append(way())
    return {name: median(found) for name, found in results.items()}


# The steps of `make build`, each a process.


def convert(raw: Path, data: Path, *, from_scratch: bool = True, **options: Any) -> Measured:
    """Run csv_to_parquet.py, by default into a data folder without Parquet."""
    if from_scratch:
        shutil.rmtree(data / "parquet", ignore_errors=True)
    return measured(sys.executable, SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data, **options)


def build(data: Path, *, from_scratch: bool = True, engine: str = "duckdb", **options: Any) -> Measured:
    """Run build.py, by default without the last warehouse. dbt keeps its last parse."""
    if from_scratch and engine == "duckdb":  # the other engines always build everything
        for file in data.glob("warehouse.duckdb*"):
            file.unlink()
    # As `make build RAW=...` does: simulated data may replace the real ones that were measured before.
    command: Command = [sys.executable, SCRIPTS / "build.py", "--engine", engine, "--may-simulate"]
    result = measured(*command, PITWALL_DATA=data, **options)
    if result.failed and (why := first_failure(target_folder(engine, data))):
        return replace(result, failed=why)
    return result


def first_failure(target: Path) -> str:
    """The first node that failed in dbt's last run, and why, in one line; "" if none failed."""
    file = target / "run_results.json"
    if file.exists():
        for node in json.loads(file.read_text(encoding="utf-8"))["results"]:
            if node["status"] in ("error", "fail"):
                # The first line of an error says only where it is.
                where, *why = node["message"].splitlines()
                return f"{node['unique_id'].split('.')[2]}: {(why or [where])[0].strip()}"
    return ""


def clock(path: Path) -> dict[str, Any]:
    """The environment variables that make dbt write its SQL to a file. An older file is deleted."""
    path.unlink(missing_ok=True)
    return {"PYTHONPATH": HERE / "clock", "PITWALL_CLOCK": path}


def dbt(data: Path, *arguments: str, **environment: Any) -> Measured:
    """Run a dbt command on a new warehouse of its own. dbt keeps its last parse."""
    warehouse = data / "dbt" / "warehouse.duckdb"
    warehouse.parent.mkdir(exist_ok=True)
    for file in warehouse.parent.glob("warehouse.duckdb*"):
        file.unlink()
    command: Command = [Path(sys.executable).with_name("dbt"), "--log-level", "warn"]
    command += ["--log-level-file", "none", *arguments, "--project-dir", ROOT, "--profiles-dir", ROOT]
    command += ["--target-path", data / "dbt" / "target"]
    return measured(*command, cwd=ROOT, PITWALL_DATA=data, PITWALL_WAREHOUSE=warehouse, **environment)


def sql_alone(statements: Path, data: Path) -> Measured:
    """Run the SQL that dbt wrote to a file, without dbt, in a process of its own."""
    folder = data / "sql_alone"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return measured(sys.executable, HERE / "replay.py", statements, folder / "warehouse.duckdb")


# The comparisons.


def compare_convert(bench: Bench) -> None:
    """Lap times from CSV to Parquet."""
    small = bench.simulated(0.2)
    for size in bench.sizes_mb:
        raw = bench.empty("convert")
        measured(sys.executable, HERE / "make_laps.py", str(size), raw / "lap_times.csv")
        for file in small.glob("*.csv"):
            if file.name != "lap_times.csv":
                shutil.copy2(file, raw)
        # The rivals that hold everything in memory fail above a few GB. There we measure only ourselves.
        rivals = CONVERT_RIVALS if size <= 2000 else []
        compare_convert_of(raw, f"{size:,g} MB", bench, rivals)
        shutil.rmtree(raw)


def compare_convert_of(raw: Path, label: str, bench: Bench, rivals: list[str]) -> None:
    """Lap times from CSV to Parquet, of one size. Without rivals one run is enough."""
    data, out = raw / "data", raw / "rival.parquet"
    written: dict[str, int] = {}  # the bytes of the Parquet file

    def ours() -> Measured:
        result = convert(raw, data)
        written["pitwall"] = (data / "parquet" / "lap_times.parquet").stat().st_size
        return result

    def theirs(name: str) -> Measured:
        command: Command = [sys.executable, HERE / "convert_rivals.py", name, raw / "lap_times.csv", out]
        result = measured(*command, may_fail=True)
        written[name] = out.stat().st_size if out.exists() else 0
        return result

    ways: dict[str, Way] = {"pitwall": ours, **{name: partial(theirs, name) for name in rivals}}
    laps = count_laps(raw)
    for name, result in in_turns(ways, bench.runs if rivals else 1).items():
        bench.add(label, laps, name, result, parquet_mb=round(written[name] / 1e6, 1))


def compare_question(bench: Bench) -> None:
    """Points, laps and lap time by driver."""
    from benchmark.questions import WAYS

    for label, raw in bench.datasets():
        data = bench.empty("question")
        convert(raw, data)
        # Only the two marts that the question reads.
        marts = ("+fct_lap_times", "+fct_race_results")
        dbt(data, "build", "-s", *marts, "--exclude-resource-type", "test", "unit_test")
        (data / "dbt" / "warehouse.duckdb").rename(data / "warehouse.duckdb")
        command: Command = [sys.executable, HERE / "questions.py"]
        ways = {way: partial(measured, *command, way, raw, data, data / f"{way}.txt") for way in WAYS}
        results = in_turns(ways, bench.runs)
        answers = {way: (data / f"{way}.txt").read_text(encoding="utf-8") for way in WAYS}
        if len(set(answers.values())) > 1 or not answers["pandas"]:
            raise PlainError(f"{label}: the answers differ; compare {data}/*.txt")
        for name, result in results.items():
            bench.add(label, count_laps(raw), name, result, drivers=answers[name].count("\n"))
        shutil.rmtree(data)


@dataclass(frozen=True)
class Rival:
    """A program that makes tables of the warehouse without it: how it is called, and how long it may take."""

    script: str
    minutes: float | None = None


POLARS, WITHOUT_TESTS = "Polars", "dbt build, models alone"


def compare_pipeline(bench: Bench) -> None:
    """From the raw CSVs to seven marts, against pandas as an expert writes it."""
    for label, raw in bench.datasets():
        whole_way(bench, label, raw, {CAREFUL: Rival("pandas_pipeline.py")}, TABLES)


def compare_typical(bench: Bench) -> None:
    """From the raw CSVs to seven marts, against pandas as notebooks use it."""
    rivals = {TYPICAL: Rival("pandas_typical.py", TYPICAL_MINUTES), CAREFUL: Rival("pandas_pipeline.py")}
    for label, raw in bench.datasets():
        whole_way(bench, label, raw, rivals, TABLES, ways_of_dbt=(WITH_TESTS,))


def compare_laps(bench: Bench) -> None:
    """From the raw CSVs to the two lap tables, against Polars."""
    for label, raw in bench.datasets():
        whole_way(
            bench, label, raw, {POLARS: Rival("polars_laps.py")}, LAP_TABLES, ways_of_dbt=(WITHOUT_TESTS,)
        )


def whole_way(
    bench: Bench,
    label: str,
    raw: Path,
    rivals: Mapping[str, Rival],
    tables: list[str],
    ways_of_dbt: tuple[str, ...] = (WITH_TESTS, WITHOUT_TESTS),
) -> None:
    """From the raw CSVs to some marts, with rivals that must give the same cells."""
    from benchmark.compare import differing_parquet

    # A test that also reads a table that is not built cannot run.
    chosen = [
        "build",
        "--indirect-selection",
        "buildable",
        "-s",
        *(f"+{table}" for table in tables),
        *MERGED_TESTS,
    ]
    # Unit tests test code, so `make build` runs them only after a change of code.
    tested = [*chosen, "--exclude-resource-type", "unit_test"]
    untested = [*chosen, "--exclude-resource-type", "test", "unit_test"]
    commands = {WITH_TESTS: tested, WITHOUT_TESTS: untested}
    data = bench.empty("pipeline")
    statements = data / "statements.jsonl"
    sizes: dict[str, int] = {}

    def rival(name: str) -> Measured:
        command: Command = [sys.executable, HERE / rivals[name].script, raw, data / name]
        return measured(*command, may_fail=True, minutes=rivals[name].minutes)

    def convert_and_dbt(name: str) -> Measured:
        result = in_a_row(convert(raw, data), dbt(data, *commands[name]))
        sizes[name] = (data / "dbt" / "warehouse.duckdb").stat().st_size
        return result

    def convert_and_sql() -> Measured:
        result = in_a_row(convert(raw, data), sql_alone(statements, data))
        sizes[SQL_ALONE] = (data / "sql_alone" / "warehouse.duckdb").stat().st_size
        return result

    convert(raw, data)
    dbt(data, *untested, **clock(statements))  # dbt keeps its parse of this for the runs below
    ways: dict[str, Way] = {name: partial(rival, name) for name in rivals}
    ways |= {name: partial(convert_and_dbt, name) for name in ways_of_dbt}
    ways[SQL_ALONE] = convert_and_sql
    results = in_turns(ways, bench.runs)
    equal: dict[str, int] = {}
    for name in rivals:
        if not results[name].failed:
            differs = differing_parquet(data / "sql_alone" / "warehouse.duckdb", data / name, tables)
            if any(differs.values()):
                raise PlainError(f"{label}: {name} and the warehouse differ, in rows: {differs}")
            equal[name] = len(differs)
    for name, result in results.items():
        more: dict[str, object] = {"equal_tables": equal[name]} if name in equal else {}
        if name in sizes:
            more["warehouse_mb"] = round(sizes[name] / 1e6, 1)
        bench.add(label, count_laps(raw), name, result, **more)
    shutil.rmtree(data)


def compare_dbt(bench: Bench) -> None:
    """What dbt costs in addition to the SQL that it runs."""
    for label, raw in bench.datasets():
        data = bench.empty("dbt")
        statements = data / "statements.jsonl"
        convert(raw, data)
        build(data)
        # Without unit tests, because they passed in the build before.
        build(data, **clock(statements))
        ways = {
            "make build, once set up": partial(build, data),
            "the same SQL, straight": partial(sql_alone, statements, data),
        }
        results = in_turns(ways, bench.runs)
        run = json.loads((data / ".build" / "target" / "run_results.json").read_text(encoding="utf-8"))
        nodes = len(run["results"])
        whole, sql = results.values()
        own = 1000 * (whole.seconds - sql.seconds) / nodes
        for name, result in results.items():
            more = {"nodes": nodes, "dbt_ms_a_node": round(own, 1)} if result is whole else {}
            bench.add(label, count_laps(raw), name, result, **more)
        shutil.rmtree(data)


def make_build(project: Path, raw: Path, data: Path) -> Measured:
    """Run `make build RAW=raw` of a version of the project."""
    command: Command = ["make", "--no-print-directory", "-C", project, "build", f"RAW={raw}"]
    # Without the settings of the `make bench` that runs this.
    return measured(*command, PITWALL_DATA=data, MAKEFLAGS="", MAKELEVEL="", MFLAGS="")


def compare_builds(bench: Bench) -> None:
    """`make build`: one more race, nothing new, everything. With a base, its code does the same in turns."""
    label, raw = bench.datasets()[0]
    folder = bench.empty("builds")
    without_last_race(raw, new_folder(folder / "before"))
    with ExitStack() as stack:
        versions = {"": ROOT}
        if bench.base:
            project = stack.enter_context(extracted(base_commit(bench.base)))
            # Both versions run with the packages that are installed, so nothing is installed for the base.
            (project / ".venv").symlink_to(ROOT / ".venv")
            shutil.copytree(ROOT / "requirements", project / "requirements", dirs_exist_ok=True)
            versions[f", {bench.base}"] = project
        ways: dict[str, Way] = {}
        for number, (suffix, project) in enumerate(versions.items()):
            version = Version(project, new_folder(folder / str(number)), folder / "before", raw)
            version.prepare()
            ways |= {f"{name}{suffix}": way for name, way in version.ways().items()}
        for name, result in in_turns(ways, bench.runs).items():
            bench.add(label, count_laps(raw), name, result)
    shutil.rmtree(folder)


def new_folder(path: Path) -> Path:
    """A folder that is made now."""
    path.mkdir()
    return path


@dataclass(frozen=True)
class Version:
    """A version of the project, with raw files and a data folder of its own."""

    project: Path
    folder: Path
    before: Path  # the raw files without the last race
    after: Path

    def replace(self, name: str, source: Path) -> None:
        """Make a folder a copy of another."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        shutil.copytree(source, self.folder / name)

    def build(self) -> Measured:
        """Run `make build`."""
        return make_build(self.project, self.folder / "raw", self.folder / "data")

    def prepare(self) -> None:
        """Build without the last race, and keep the data folder. This also runs the unit tests."""
        self.replace("raw", self.before)
        self.build()
        self.replace("kept", self.folder / "data")

    def one_more_race(self) -> Measured:
        """Build after the last race."""
        self.replace("data", self.folder / "kept")
        self.replace("raw", self.after)
        return self.build()

    def everything(self) -> Measured:
        """Build without Parquet and without a warehouse. dbt keeps its parse."""
        data = self.folder / "data"
        shutil.rmtree(data / "parquet")
        for file in data.glob("warehouse.duckdb*"):
            file.unlink()
        return self.build()

    def ways(self) -> dict[str, Way]:
        """What is measured, in this order: each continues from the one before."""
        return {
            "one more race": self.one_more_race,
            "nothing changed": self.build,
            "everything": self.everything,
        }


def without_last_race(raw: Path, out: Path) -> None:
    """Copy the CSVs as they were before the last race, which is in the calendar and has no results."""
    import polars as pl

    results = pl.scan_csv(raw / "results.csv", glob=False, infer_schema=False)
    calendar = pl.scan_csv(raw / "races.csv", glob=False, infer_schema=False, truncate_ragged_lines=True)
    held = calendar.join(results, on="raceId", how="semi").select("raceId", "date").collect()
    last = held.sort("date")["raceId"][-1]
    for file in raw.glob("*.csv"):
        rows = pl.scan_csv(file, glob=False, infer_schema=False, truncate_ragged_lines=True)
        if file.name == "races.csv" or "raceId" not in rows.collect_schema().names():
            shutil.copy2(file, out)
        else:
            rows.filter(pl.col("raceId") != last).sink_csv(out / file.name)


def compare_growth(bench: Bench) -> None:
    """Convert and build everything, then one more race, at more and more laps."""
    from benchmark.replay import clocked_seconds
    from benchmark.replay import statements as statements_of

    data, before = bench.empty("growth/data"), bench.folder / "growth" / "before"
    clocked, last = (bench.folder / "growth" / name for name in ("statements.jsonl", "last.duckdb"))
    convert(bench.simulated(0.04), data)
    build(data)  # for the unit tests and dbt's parse, which the builds below then keep

    def measure(raw: Path, what: str, *, from_scratch: bool) -> None:
        bench.add(label, laps, f"convert {what}", convert(raw, data, from_scratch=from_scratch))
        # All write their SQL, so that the same work is compared.
        result = build(data, from_scratch=from_scratch, **clock(clocked))
        sql = round(clocked_seconds(clocked), 2)
        size = round((data / "warehouse.duckdb").stat().st_size / 1e6)
        parts = sum("delete from" in sent["sql"] for sent in statements_of(clocked))
        more = {"sql_seconds": sql, "warehouse_mb": size, "tables_replaced_in_part": parts}
        bench.add(label, laps, f"build {what}", result, **more)

    for number, (label, raw) in enumerate(bench.datasets(), start=1):
        without_last_race(raw, bench.empty("growth/before"))
        laps = count_laps(raw)  # also where the last race is missing: all lines of a size have one label
        is_largest = number > 1 and number == len(bench.datasets())
        if is_largest:
            # A full build takes minutes, so that before the race is the one that is measured.
            measure(before, "everything", from_scratch=True)
            measure(raw, "one more race", from_scratch=False)
            continue
        convert(before, data)
        build(data)
        measure(raw, "one more race", from_scratch=False)
        (data / "warehouse.duckdb").rename(last)
        measure(raw, "everything", from_scratch=True)
        bench.rows[-1]["equal_tables"] = equal_tables(label, last, data / "warehouse.duckdb")
    shutil.rmtree(bench.folder / "growth")


def equal_tables(label: str, incremental: Path, full: Path) -> int:
    """The number of tables of two warehouses. Raises PlainError if one cell differs."""
    from benchmark.compare import differing_warehouses

    differs = differing_warehouses(incremental, full)
    if any(differs.values()):
        raise PlainError(f"{label}: the incremental and the full build differ, in rows: {differs}")
    return len(differs)


def compare_limit(bench: Bench) -> None:
    """Convert and build everything at sizes that may be too large for the machine."""
    data = bench.empty("limit")
    convert(bench.simulated(0.04), data)
    build(data)  # for the unit tests and dbt's parse
    for scale in bench.scales:
        raw = bench.simulated(scale)
        label, laps = f"{scale:g}x", count_laps(raw)
        bench.add(label, laps, "convert everything", convert(raw, data))
        result = build(data, may_fail=True)
        if result.failed:
            bench.add(label, laps, "build everything", result)
            return  # its data stay for a look
        size = round((data / "warehouse.duckdb").stat().st_size / 1e6)
        bench.add(label, laps, "build everything", result, warehouse_mb=size)
    shutil.rmtree(data)


def compare_engines(bench: Bench) -> None:
    """Run `make build` on every engine that is available, and measure its packages."""
    data = bench.empty("engines")
    convert(bench.simulated(0.04), data)
    engines = []
    for engine in ENGINES:
        # Once, for the unit tests and dbt's parse.
        first = build(data, engine=engine, may_fail=True)
        if first.failed:
            report(f"not measured: {engine}: {first.failed}")
        else:
            engines.append(engine)
    for label, raw in bench.datasets():
        convert(raw, data)
        ways = {engine: partial(build, data, engine=engine, may_fail=True) for engine in engines}
        for engine, result in in_turns(ways, bench.runs).items():
            bench.add(label, count_laps(raw), engine, result, packages_mb=packages_mb(engine))
            if result.failed:  # it would fail with more data too
                engines.remove(engine)
    shutil.rmtree(data)


def packages_mb(engine: str) -> int:
    """The size of the Python packages that `make build ENGINE=engine` installs, in 10**6 bytes."""
    locks = [ROOT / "requirements" / f"{name}.txt" for name in ("core", *({engine} - {"duckdb"}))]
    names = {
        name for lock in locks for name in re.findall(r"(?m)^([\w.-]+)==", lock.read_text(encoding="utf-8"))
    }
    size = 0
    for name in names:
        with suppress(PackageNotFoundError):  # locked for another system
            files = [Path(file.locate()) for file in distribution(name).files or ()]
            size += sum(file.stat().st_size for file in files if file.is_file())
    return round(size / 1e6)


@dataclass(frozen=True)
class Comparison:
    """A comparison, with its sizes for the page and for --quick."""

    run: Callable[[Bench], None]
    runs: int
    scales: tuple[float, ...]
    quick: tuple[float, ...]
    only_by_name: bool = False  # too long for a run of all comparisons


# Ten million laps are 17 times the real ones.
COMPARISONS = {
    "convert": Comparison(compare_convert, 3, (1000, 10_000), (20,)),
    "question": Comparison(compare_question, 3, (1, 17, 100), (0.2,)),
    "pipeline": Comparison(compare_pipeline, 3, (0.1, 1, 17), (0.1,)),
    "typical": Comparison(compare_typical, 1, (0.1, 4), (0.04,)),
    "laps": Comparison(compare_laps, 3, (17,), (0.1,)),
    "builds": Comparison(compare_builds, 3, (1,), (0.1,)),
    "dbt": Comparison(compare_dbt, 3, (1,), (0.1,)),
    "growth": Comparison(compare_growth, 1, (1, 10, 100), (0.1, 0.2)),
    "limit": Comparison(compare_limit, 1, (350,), (0.04, 0.08), only_by_name=True),
    "engines": Comparison(compare_engines, 1, (17,), (0.04,)),
}


def machine() -> dict[str, str]:
    """The machine, and the versions of what is measured."""
    import psutil

    facts: dict[str, str] = {}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            facts[name.strip()] = value.strip()
    packages = ("dbt-core", "dbt-duckdb", "duckdb", "polars", "pandas", "pyarrow")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": facts.get("model name") or platform.processor() or "unknown",
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "Python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def read_results(file: Path) -> dict[str, Any]:
    """The results of the last runs, by comparison."""
    results: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return results


def keep(results: dict[str, Any], file: Path) -> None:
    """Write the results, in whole or not at all."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps(results, indent=1), encoding="utf-8")
    new.replace(file)


def numbers(text: str) -> list[float]:
    """The numbers of a command line argument, such as "1,17"."""
    return [float(part) for part in text.split(",")]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line. Exits with a message if a comparison is unknown."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "what", nargs="*", metavar="WHAT", help=f"{', '.join(COMPARISONS)}, page (default: all but limit)"
    )
    parser.add_argument("--scale", type=numbers, metavar="N,N", help="multiples of the real number of laps")
    parser.add_argument("--size-mb", type=numbers, metavar="N,N", help="sizes of the CSV to convert")
    parser.add_argument("--runs", type=int, metavar="N", help="how often each way is run")
    parser.add_argument("--quick", action="store_true", help="little data, one run")
    parser.add_argument("--base", metavar="REF", help="a commit whose `make build` is measured too")
    parser.add_argument(
        "--before", type=Path, metavar="FILE.md", help="an older docs/benchmarks.md, to compare with"
    )
    parser.add_argument("--docs", type=Path, default=DOCS, metavar="DIR", help="where to write the page")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.what) - {*COMPARISONS, "page"}):
        parser.error(f"no comparison is called {', '.join(unknown)}")
    return options


def run(options: argparse.Namespace) -> None:
    """Run the comparisons, keep the results, and write the page."""
    from benchmark.page import read_page, write_page, write_summary

    folder = data_folder().absolute() / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.json"
    results = read_results(file)
    named = os.environ.get("PITWALL_REAL_DATA")
    for name in options.what or [
        name for name, comparison in COMPARISONS.items() if not comparison.only_by_name
    ]:
        if name == "page":
            continue
        comparison = COMPARISONS[name]
        sizes = list(comparison.quick if options.quick else comparison.scales)
        bench = Bench(
            folder,
            runs=options.runs or (1 if options.quick else comparison.runs),
            scales=options.scale or sizes,
            sizes_mb=options.size_mb or sizes,
            real=Path(named) if named else None,
            base=options.base,
        )
        report(f"--- {name}")
        started = time.perf_counter()
        comparison.run(bench)
        results[name] = {
            "machine": machine(),
            "day": time.strftime("%Y-%m-%d", time.gmtime()),
            "seconds": round(time.perf_counter() - started),
            "rows": bench.rows,
        }
        keep(results, file)
    if not results:
        raise PlainError(f"{file}: no results yet; run `make bench`, or `make bench QUICK=1`")
    if options.before:
        results["before"] = read_page(options.before)
        keep(results, file)
    report(f"The page: {write_page(results, options.docs)}")
    if options.docs == DOCS:
        write_summary(results, ROOT / "README.md")


if __name__ == "__main__":
    wanted = parse(None)
    require("pandas", "psutil", "pyarrow", installed_by="make bench")
    sys.exit(exit_code("benchmark", lambda: run(wanted), data_folder()))
