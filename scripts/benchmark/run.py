#!/usr/bin/env python3
"""Measure how fast Pitwall is, beside what people would use instead, and write docs/benchmarks.md.

    scripts/benchmark/run.py                          all comparisons but `limit`, at the sizes of the page
    scripts/benchmark/run.py limit                    as many laps as fit; half an hour, 40 GB of disk
    scripts/benchmark/run.py --quick                  the same, small
    scripts/benchmark/run.py pipeline --scale 1,17    one of them, at multiples of the real number of laps
    scripts/benchmark/run.py page                     write the page again from the last results

Every figure is of whole processes, imports and all: the median of several runs, taken in turns. The
results are kept in $PITWALL_DATA/benchmark/results.json, the data made for them beside it. Real files are
measured too where PITWALL_REAL_DATA names their folder. No goal is asserted: a figure is only printed.
"""

import argparse
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

# Run as a script, Python finds only what is beside it.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

try:
    import psutil

    from benchmark.measure import Measured, measured, median, one_after_another
except ImportError as missing:
    print(f"benchmark: {missing.name} is not installed; `make bench` installs what it needs", file=sys.stderr)
    sys.exit(2)

from pitwall.command import ROOT, PlainError, exit_code
from pitwall.data_folder import data_folder
from pitwall.warehouse.dbt import target_folder
from pitwall.warehouse.engines import WAREHOUSES

SCRIPTS = ROOT / "scripts"
PARTS = SCRIPTS / "benchmark"
REAL_LAPS = 589_081
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
CONVERT_RIVALS = ["pandas", "pandas_pyarrow", "pyarrow", "pyarrow_stream", "duckdb"]

Row = dict[str, Any]


@dataclass
class Bench:
    """Where the benchmark works, and how much it does."""

    folder: Path
    runs: int
    scales: list[float]
    sizes_mb: list[float]
    real: Path | None
    rows: list[Row] = field(default_factory=list)

    def datasets(self) -> list[tuple[str, Path]]:
        """The data to measure on: the real files where they are at hand, and a simulation for each scale."""
        real = [("real files", self.real)] if self.real else []
        return real + [(f"{scale:g}x", self.simulated(scale)) for scale in self.scales]

    def simulated(self, scale: float) -> Path:
        """A simulated championship with so many times the real number of laps; made once, then kept."""
        seasons = max(1, round(scale * REAL_LAPS / LAPS_A_SEASON))
        raw = self.folder / "raw" / f"{seasons}-seasons"
        if not (raw / "status.csv").exists():
            say(f"simulating {seasons} seasons")
            measured(sys.executable, SCRIPTS / "simulate.py", "--seasons", str(seasons), raw)
        return raw

    def empty(self, name: str) -> Path:
        """A folder of that name with nothing in it."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def add(self, data: str, laps: int, name: str, result: Measured, **more: object) -> None:
        """Note a result, and say it."""
        row = {"data": data, "laps": laps, "name": name, **result.as_row(), **more}
        self.rows.append(row)
        extra = "".join(f", {key.replace('_', ' ')} {value}" for key, value in more.items())
        say(
            f"{data:>10}  {name}: {result.seconds:.2f} s, {result.processor_seconds:.2f} s of processors, "
            f"{result.peak_mb:,.0f} MB{extra}{', FAILED: ' + result.failed if result.failed else ''}"
        )


def say(text: str) -> None:
    print(text, flush=True)


def count_laps(raw: Path) -> int:
    """Lines of lap_times.csv, less the header."""
    with (raw / "lap_times.csv").open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 24), b"")) - 1


def in_turns(ways: dict[str, Callable[[], Measured]], runs: int) -> dict[str, Measured]:
    """Each way `runs` times, one after another, so that a slow minute of the machine hits them all."""
    results: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            # What failed once is not tried again.
            if not (results[name] and results[name][-1].failed):
                results[name].append(way())
    return {name: median(found) for name, found in results.items()}


# What is measured: the steps of `make build`, each a process.


def convert(raw: Path, data: Path, *, anew: bool = True, **options: Any) -> Measured:
    """csv_to_parquet.py. Anew means into a data folder that has no Parquet yet."""
    if anew:
        shutil.rmtree(data / "parquet", ignore_errors=True)
    return measured(sys.executable, SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data, **options)


def build(data: Path, *, anew: bool = True, engine: str = "duckdb", **options: Any) -> Measured:
    """build.py, once set up: dbt remembers its last parse. Anew means without the last warehouse file."""
    if anew and engine == "duckdb":  # the others make everything anew always
        for file in data.glob("warehouse.duckdb*"):
            file.unlink()
    command = [sys.executable, SCRIPTS / "build.py", "--engine", engine]
    result = measured(*command, PITWALL_DATA=data, **options)
    if result.failed and (why := what_dbt_said(target_folder(engine, data))):
        return replace(result, failed=why)
    return result


def what_dbt_said(target: Path) -> str:
    """The first node that failed in the last run of dbt, and why in a line; empty if none did."""
    file = target / "run_results.json"
    if file.exists():
        for node in json.loads(file.read_text(encoding="utf-8"))["results"]:
            if node["status"] in ("error", "fail"):
                # The first line of an error only says where.
                where, *why = node["message"].splitlines()
                return f"{node['unique_id'].split('.')[2]}: {(why or [where])[0].strip()}"
    return ""


def clock(path: Path) -> dict[str, Path]:
    """The environment that makes dbt note its SQL in a file, which is emptied."""
    path.unlink(missing_ok=True)
    return {"PYTHONPATH": PARTS / "clock", "PITWALL_CLOCK": path}


def dbt(data: Path, *arguments: str, **environment: Any) -> Measured:
    """A dbt command on a warehouse of its own, from nothing but what dbt remembers of its last parse."""
    warehouse = data / "dbt" / "warehouse.duckdb"
    warehouse.parent.mkdir(exist_ok=True)
    for file in warehouse.parent.glob("warehouse.duckdb*"):
        file.unlink()
    command = [Path(sys.executable).with_name("dbt"), "--log-level", "warn", "--log-level-file", "none"]
    command += [*arguments, "--project-dir", ROOT, "--profiles-dir", ROOT, "--target-path"]
    command += [data / "dbt" / "target"]
    return measured(*command, cwd=ROOT, PITWALL_DATA=data, PITWALL_WAREHOUSE=warehouse, **environment)


def straight(statements: Path, data: Path) -> Measured:
    """The SQL that dbt noted there, without dbt, in a process of its own."""
    folder = data / "straight"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return measured(sys.executable, PARTS / "replay.py", statements, folder / "warehouse.duckdb")


# The comparisons.


def compare_convert(bench: Bench) -> None:
    """Lap times from CSV to Parquet."""
    small = bench.simulated(0.2)
    for size in bench.sizes_mb:
        raw = bench.empty("convert")
        measured(sys.executable, PARTS / "make_laps.py", str(size), raw / "lap_times.csv")
        for file in small.glob("*.csv"):
            if file.name != "lap_times.csv":
                shutil.copy2(file, raw)
        data, out = raw / "data", raw / "rival.parquet"
        written = {}

        def ours(raw: Path = raw, data: Path = data, written: dict = written) -> Measured:
            result = convert(raw, data)
            written["pitwall"] = (data / "parquet" / "lap_times.parquet").stat().st_size
            return result

        def theirs(name: str, raw: Path = raw, out: Path = out, written: dict = written) -> Measured:
            result = measured(
                sys.executable, PARTS / "convert_rivals.py", name, raw / "lap_times.csv", out, may_fail=True
            )
            written[name] = out.stat().st_size if out.exists() else 0
            return result

        ways: dict[str, Callable[[], Measured]] = {"pitwall": ours}
        runs = 1
        # Above a few GB those that hold all in memory cannot, and only that ours stays flat counts.
        if size <= 2000:
            ways |= {name: lambda name=name: theirs(name) for name in CONVERT_RIVALS}
            runs = bench.runs
        laps = count_laps(raw)
        for name, result in in_turns(ways, runs).items():
            bench.add(f"{size:,g} MB", laps, name, result, parquet_mb=round(written[name] / 1e6, 1))
        shutil.rmtree(raw)


def compare_question(bench: Bench) -> None:
    """Points, laps and lap time by driver."""
    from benchmark.questions import WAYS

    for label, raw in bench.datasets():
        data = bench.empty("question")
        convert(raw, data)
        # Only the two marts that are asked.
        asked = ("+fct_lap_times", "+fct_race_results")
        dbt(data, "build", "-s", *asked, "--exclude-resource-type", "test", "unit_test")
        (data / "dbt" / "warehouse.duckdb").rename(data / "warehouse.duckdb")
        ask = {
            way: lambda way=way, raw=raw, data=data: measured(
                sys.executable, PARTS / "questions.py", way, raw, data, data / f"{way}.txt"
            )
            for way in WAYS
        }
        results = in_turns(ask, bench.runs)
        answers = {way: (data / f"{way}.txt").read_text(encoding="utf-8") for way in WAYS}
        if len(set(answers.values())) > 1 or not answers["pandas"]:
            raise PlainError(f"{label}: the answers differ; compare {data}/*.txt")
        for name, result in results.items():
            bench.add(label, count_laps(raw), name, result, drivers=answers[name].count("\n"))
        shutil.rmtree(data)


def compare_pipeline(bench: Bench) -> None:
    """From the raw CSVs to seven marts."""
    from benchmark.compare import differing_parquet

    # Tests that look at other tables as well cannot run where those are not built.
    chosen = ["build", "--indirect-selection", "buildable", "-s", *(f"+{table}" for table in TABLES)]
    untested = [*chosen, "--exclude-resource-type", "test", "unit_test"]
    for label, raw in bench.datasets():
        data = bench.empty("pipeline")
        statements, out = data / "statements.jsonl", data / "pandas"
        convert(raw, data)
        dbt(data, *untested, **clock(statements))  # which also leaves the parse
        ways = {
            "pandas": lambda raw=raw, out=out: measured(
                sys.executable, PARTS / "pandas_pipeline.py", raw, out, may_fail=True
            ),
            "dbt build, tests included": lambda raw=raw, data=data: one_after_another(
                convert(raw, data), dbt(data, *chosen)
            ),
            "dbt build, models alone": lambda raw=raw, data=data: one_after_another(
                convert(raw, data), dbt(data, *untested)
            ),
            "the SQL alone": lambda raw=raw, data=data, statements=statements: one_after_another(
                convert(raw, data), straight(statements, data)
            ),
        }
        results = in_turns(ways, bench.runs)
        differs: dict[str, int] = {}
        if not results["pandas"].failed:
            differs = differing_parquet(data / "straight" / "warehouse.duckdb", out, TABLES)
            if any(differs.values()):
                raise PlainError(f"{label}: pandas and the warehouse differ, in rows: {differs}")
        for name, result in results.items():
            equal = {"equal_tables": len(differs)} if name == "pandas" else {}
            bench.add(label, count_laps(raw), name, result, **equal)
        shutil.rmtree(data)


def compare_dbt(bench: Bench) -> None:
    """What dbt costs over the SQL that it runs."""
    for label, raw in bench.datasets():
        data = bench.empty("dbt")
        statements = data / "statements.jsonl"
        convert(raw, data)
        build(data)
        # With the unit tests left out or not, as build.py decides once it has built.
        build(data, **clock(statements))
        ways = {
            "make build, once set up": lambda data=data: build(data),
            "the same SQL, straight": lambda data=data, statements=statements: straight(statements, data),
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


def without_last_race(raw: Path, out: Path) -> None:
    """Copy the CSVs as they were before the last race: it is in the calendar, and has no results."""
    import polars as pl

    results = pl.scan_csv(raw / "results.csv", infer_schema=False)
    calendar = pl.scan_csv(raw / "races.csv", infer_schema=False, truncate_ragged_lines=True)
    held = calendar.join(results, on="raceId", how="semi").select("raceId", "date").collect()
    last = held.sort("date")["raceId"][-1]
    for file in raw.glob("*.csv"):
        rows = pl.scan_csv(file, infer_schema=False, truncate_ragged_lines=True)
        if file.name == "races.csv" or "raceId" not in rows.collect_schema().names():
            shutil.copy2(file, out)
        else:
            rows.filter(pl.col("raceId") != last).sink_csv(out / file.name)


def compare_growth(bench: Bench) -> None:
    """Convert and build at more and more laps: one more race, and then everything anew."""
    from benchmark.compare import differing_warehouses
    from benchmark.replay import clocked_seconds
    from benchmark.replay import statements as statements_of

    for label, raw in bench.datasets():
        data, before = bench.empty("growth/data"), bench.empty("growth/before")
        clocked, last = (bench.folder / "growth" / name for name in ("statements.jsonl", "last.duckdb"))
        without_last_race(raw, before)
        laps = count_laps(raw)
        convert(before, data)
        build(data)  # which also runs the unit tests, so that the others need not
        shutil.rmtree(before)
        for what, anew in (("one more race", False), ("everything", True)):
            bench.add(label, laps, f"convert {what}", convert(raw, data, anew=anew))
            # The clock is on in both: the same statements are compared.
            result = build(data, anew=anew, **clock(clocked))
            sql = round(clocked_seconds(clocked), 2)
            size = round((data / "warehouse.duckdb").stat().st_size / 1e6)
            parts = sum("delete from" in sent["sql"] for sent in statements_of(clocked))
            more = {"sql_seconds": sql, "warehouse_mb": size, "tables_replaced_in_part": parts}
            bench.add(label, laps, f"build {what}", result, **more)
            if not anew:
                (data / "warehouse.duckdb").rename(last)
        differs = differing_warehouses(last, data / "warehouse.duckdb")
        if any(differs.values()):
            raise PlainError(f"{label}: brought up to date and built anew differ, in rows: {differs}")
        bench.rows[-1]["equal_tables"] = len(differs)
        shutil.rmtree(bench.folder / "growth")


def compare_limit(bench: Bench) -> None:
    """Convert and build everything at sizes that may be too big."""
    data = bench.empty("limit")
    convert(bench.simulated(0.04), data)
    build(data)  # for the unit tests, and what dbt remembers of its parse
    for scale in bench.scales:
        raw = bench.simulated(scale)
        label, laps = f"{scale:g}x", count_laps(raw)
        bench.add(label, laps, "convert everything", convert(raw, data))
        result = build(data, may_fail=True)
        if result.failed:
            bench.add(label, laps, "build everything", result)
            break
        size = round((data / "warehouse.duckdb").stat().st_size / 1e6)
        bench.add(label, laps, "build everything", result, warehouse_mb=size)
    shutil.rmtree(data)


def compare_engines(bench: Bench) -> None:
    """`make build` on every engine at hand, and the megabytes of packages that it needs."""
    data = bench.empty("engines")
    convert(bench.simulated(0.04), data)
    engines = []
    for engine in WAREHOUSES:
        # Once, for the unit tests and what dbt remembers of its parse.
        first = build(data, engine=engine, may_fail=True)
        if first.failed:
            say(f"not measured: {engine}: {first.failed}")
        else:
            engines.append(engine)
    for label, raw in bench.datasets():
        convert(raw, data)
        ways = {engine: lambda engine=engine: build(data, engine=engine, may_fail=True) for engine in engines}
        for engine, result in in_turns(ways, bench.runs).items():
            bench.add(label, count_laps(raw), engine, result, packages_mb=packages_mb(engine))
            if result.failed:  # more will not fit either
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
    """One comparison, and the sizes at which the page shows it and --quick tries it."""

    run: Callable[[Bench], None]
    runs: int
    scales: tuple[float, ...]
    quick: tuple[float, ...]
    only_asked: bool = False  # too long for a run of all


# Ten million laps are 17 times the real ones.
COMPARISONS = {
    "convert": Comparison(compare_convert, 3, (1000, 10_000), (20,)),
    "question": Comparison(compare_question, 5, (1, 17, 100), (0.2,)),
    "pipeline": Comparison(compare_pipeline, 3, (0.1, 1, 17), (0.1,)),
    "dbt": Comparison(compare_dbt, 3, (1,), (0.1,)),
    "growth": Comparison(compare_growth, 1, (1, 10, 100), (0.1, 0.2)),
    "limit": Comparison(compare_limit, 1, (200, 350), (0.04, 0.08), only_asked=True),
    "engines": Comparison(compare_engines, 1, (1, 17), (0.04,)),
}


def machine() -> dict[str, str]:
    """What it all runs on."""
    names = {}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = dict(
            (part.strip() for part in line.split(":", 1))
            for line in cpuinfo.read_text(encoding="utf-8").splitlines()
            if ":" in line
        )
    packages = ("dbt-core", "dbt-duckdb", "duckdb", "polars", "pandas", "pyarrow")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": names.get("model name") or platform.processor() or "unknown",
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "Python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def read_results(file: Path) -> dict[str, Any]:
    """The results of the last runs, by comparison."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what", nargs="*", metavar="WHAT", help=f"{', '.join(COMPARISONS)}, page (default: all but limit)"
    )
    parser.add_argument("--scale", type=numbers, metavar="N,N", help="multiples of the real number of laps")
    parser.add_argument("--size-mb", type=numbers, metavar="N,N", help="sizes of the CSV to convert")
    parser.add_argument("--runs", type=int, metavar="N", help="how often each is run")
    parser.add_argument("--quick", action="store_true", help="small data, one run")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", metavar="DIR", help="where the page goes")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.what) - {*COMPARISONS, "page"}):
        parser.error(f"no comparison is called {', '.join(unknown)}")
    return options


def run(options: argparse.Namespace) -> None:
    """Run what was asked for, keep the results, and write the page."""
    from benchmark.page import write_page

    folder = data_folder().absolute() / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.json"
    results = read_results(file)
    named = os.environ.get("PITWALL_REAL_DATA")
    for name in options.what or [name for name, of in COMPARISONS.items() if not of.only_asked]:
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
        )
        say(f"--- {name}")
        started = time.perf_counter()
        comparison.run(bench)
        results[name] = {
            "machine": machine(),
            "day": f"{datetime.now(UTC):%Y-%m-%d}",
            "seconds": round(time.perf_counter() - started),
            "rows": bench.rows,
        }
        aside = file.with_suffix(".new")
        aside.write_text(json.dumps(results, indent=1), encoding="utf-8")
        aside.replace(file)
    if not results:
        raise PlainError(f"{file}: no results yet; run `make bench`, or `make bench QUICK=1`")
    say(f"The page: {write_page(results, options.docs)}")


if __name__ == "__main__":
    wanted = parse(None)
    sys.exit(exit_code("benchmark", lambda: run(wanted), data_folder()))
