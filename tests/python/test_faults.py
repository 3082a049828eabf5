"""Killed runs, full disks, damaged files, a wrong clock: the last good state always survives.

`make test` runs the short form: most builds run a stand-in for dbt, which takes a second. `make torture` runs
the long form: each of these tests also with the real dbt, and more kills. Both print their counts.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import polars as pl
import pytest
import yaml
from conftest import (
    DBT,
    LONG,
    ROOT,
    SCRIPTS,
    Builder,
    copy_data_folder,
    mounted,
    must_run,
    pass_unit_tests,
    remount,
    run,
    write_fake_dbt,
)

from pitwall.command import TEMPORARY
from pitwall.raw.schema import SOURCES

KILLS = 50 if LONG else 4
# Raw tables for the test that kills a run before each step. A few are enough: all tables take the same steps.
CONVERTED = ("races", "results", "status")

# Kills its own process just before the script changes a file or folder for the n-th time.
KILLER = """
import os, signal, sys

if sys.orig_argv[1:2] and sys.orig_argv[1].endswith(os.environ.get("KILL_SCRIPT", "?")):
    left = int(os.environ["KILL_BEFORE"])

    def hook(event, arguments):
        global left
        changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate")
        if event == "open" and isinstance(arguments[2], int):
            changes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) != 0
        if changes:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
"""

# A stand-in for dbt: writes the races that it was built from, and eight megabytes that cannot be compressed.
# With FAKE_WAITS it creates the file `at_work`, and waits for the file `go_on`.
FAKE_DBT = """
import os, sys, time
from pathlib import Path
import duckdb

def cli():
    data = Path(os.environ["PITWALL_DATA"])
    with duckdb.connect(os.environ["PITWALL_WAREHOUSE"]) as connection:
        races = data / "parquet" / "races.parquet"
        connection.execute("create schema if not exists marts")
        connection.execute(f"create or replace table marts.dim_races as select *, year as season, "
            "name as race_name, date as race_date, true as is_held from read_parquet('" + str(races) + "')")
        connection.execute("create or replace table marts.big as select hash(range) from range(1000000)")
    if os.environ.get("FAKE_WAITS"):
        (data / "at_work").touch()
        while not (data / "go_on").exists():
            time.sleep(0.05)
    target = Path(sys.argv[sys.argv.index("--target-path") + 1])
    target.mkdir(exist_ok=True)
    (target / "run_results.json").write_text('{"results": []}')
    (target / "manifest.json").write_text('{"nodes": {}}')
    return 0
"""

RECORD = ".build/target/unit_tests_passed"
IN_DATA = [".lock", ".pitwall", "parquet", "quarantine"]  # of a data folder that was only converted into


@pytest.fixture(scope="session")
def seasons(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Raw files of one simulated season, and of two: the input of the first run and of the next."""
    folder = tmp_path_factory.mktemp("seasons")
    for number in (1, 2):
        must_run(SCRIPTS / "simulate.py", "--seasons", str(number), folder / str(number))
    return folder / "1", folder / "2"


@pytest.fixture(scope="session")
def of_stand_in(one_season: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse that build.py makes with the stand-in for dbt."""
    data = shutil.copytree(one_season, tmp_path_factory.mktemp("of_stand_in") / "data")
    fake = write_fake_dbt(tmp_path_factory.mktemp("stand_in"), FAKE_DBT)
    pass_unit_tests(ROOT, data / ".build" / "target")
    must_run(SCRIPTS / "build.py", PITWALL_DATA=data, PYTHONPATH=fake)
    return data / "warehouse.duckdb"


@pytest.fixture
def good(request: pytest.FixtureRequest) -> Path:
    """A warehouse that the real dbt built if the test builds with it, otherwise the stand-in."""
    is_real = "dbt" in request.fixturenames and not request.getfixturevalue("dbt")
    warehouse: Path = request.getfixturevalue("small_warehouse" if is_real else "of_stand_in")
    return warehouse


@pytest.fixture
def data(good: Path, builder: Builder, tmp_path: Path) -> Path:
    """A copy of the data folder of one season. Tests may damage it."""
    return copy_built(good, builder, tmp_path / "data")


def copy_built(warehouse: Path, builder: Builder, data: Path) -> Path:
    """Copy the data folder of a warehouse, without its raw files."""
    copy_data_folder(warehouse.parent, data, "raw")
    builder.prepare(data)
    return data


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.torture)])
def dbt(request: pytest.FixtureRequest, fake_dbt: Callable[[str], Path]) -> dict[str, Path]:
    """The environment in which build.py runs the stand-in for dbt; in the long form also the real dbt."""
    return {"PYTHONPATH": fake_dbt(FAKE_DBT)} if request.param == "fake" else {}


def counts(folder: Path) -> dict[str, int]:
    """Rows of every Parquet file. Reads each file completely, so a damaged one raises an error."""
    return {path.name: pl.read_parquet(path).height for path in sorted(folder.glob("*.parquet"))}


def tables(warehouse: Path) -> dict[str, int]:
    """Rows of every table but `ops.builds`. Reads all columns, so a damaged table raises an error."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE' "
            "and table_schema <> 'ops' order by all"
        ).fetchall()
        query = "select count(*), bit_xor(hash(all_columns)) from {} as all_columns"
        return {
            f"{schema}.{name}": connection.execute(query.format(f'{schema}."{name}"')).fetchall()[0][0]
            for schema, name in names
        }


def is_busy(text: str) -> bool:
    """Whether a run was refused because another run is using the folder."""
    return "another run is using this folder" in text


def start(*command: str | Path, **environment: str | Path) -> subprocess.Popen[str]:
    """Start a script in a process group of its own, as a shell does."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PITWALL_")}
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env={**inherited, **{name: str(value) for name, value in environment.items()}},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[str], *, group: bool) -> None:
    """Send SIGKILL to the script alone, or to its whole process group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL) if group else process.kill()
    process.communicate()


@pytest.fixture
def killer(tmp_path: Path) -> Path:
    """A folder that, in PYTHONPATH, runs KILLER when Python starts."""
    folder = tmp_path / "killer"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(KILLER, encoding="utf-8")
    return folder


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    """The schema of a few raw tables; in the long form of all."""
    if LONG:
        return SOURCES
    declared = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))
    for source in declared["sources"]:
        source["tables"] = [table for table in source["tables"] if table["name"] in CONVERTED]
    file = tmp_path / "sources.yml"
    file.write_text(yaml.safe_dump(declared), encoding="utf-8")
    return file


@pytest.mark.slow
def test_convert_killed_before_any_step_leaves_the_old_or_the_new_parquet(
    seasons: tuple[Path, Path],
    schema: Path,
    killer: Path,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Steps are renames, removals and new files."""
    data = tmp_path / "data"
    convert = [SCRIPTS / "csv_to_parquet.py", "--schema", schema]
    must_run(*convert, seasons[0], PITWALL_DATA=data)
    must_run(*convert, seasons[1], PITWALL_DATA=data / "new")
    old, new = counts(data / "parquet"), counts(data / "new" / "parquet")
    assert old != new
    step, seen = 0, set()
    while True:
        step += 1
        trial = data.parent / "trial"
        shutil.rmtree(trial, ignore_errors=True)
        trial.mkdir()
        shutil.copytree(data / "parquet", trial / "parquet")
        process = start(
            *convert,
            seasons[1],
            PITWALL_DATA=trial,
            PYTHONPATH=killer,
            KILL_SCRIPT="csv_to_parquet.py",
            KILL_BEFORE=str(step),
        )
        output = process.communicate()[0]
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, output
        # Between two renames the old Parquet has another name. The next run restores it.
        found = counts(trial / ("parquet" if (trial / "parquet").exists() else "parquet.old"))
        assert found in (old, new), f"killed before step {step}"
        seen.add(found == new)
        if LONG or step % 5 == 0:
            must_run(*convert, seasons[1], PITWALL_DATA=trial)
            assert counts(trial / "parquet") == new
            assert sorted(path.name for path in trial.iterdir()) == [
                ".lock",
                ".pitwall",
                "parquet",
                "quarantine",
            ]
    assert seen == {False, True}, "no step before the commit, or none after it"
    record_property("count", f"convert: killed before each of {step - 1} steps")


@pytest.mark.slow
def test_convert_killed_at_random_leaves_the_old_or_the_new_parquet(
    seasons: tuple[Path, Path], data: Path, record_property: Callable[[str, object], None]
) -> None:
    """The kill may also come while Polars writes."""
    chance = random.Random(1950)
    old = counts(data / "parquet")
    started = time.monotonic()
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[1], PITWALL_DATA=data / "new")
    duration = time.monotonic() - started
    new = counts(data / "new" / "parquet")
    kills = 0
    while kills < KILLS:
        process = start(SCRIPTS / "csv_to_parquet.py", seasons[kills % 2], PITWALL_DATA=data)
        time.sleep(chance.uniform(0.2, 1.1) * duration)
        kills += process.poll() is None
        kill(process, group=True)
        assert counts(data / ("parquet" if (data / "parquet").exists() else "parquet.old")) in (old, new)
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[1], PITWALL_DATA=data)
    assert counts(data / "parquet") == new
    record_property("count", f"convert: killed {kills} times at random")


@pytest.mark.slow
def test_build_killed_before_any_step_leaves_the_old_or_the_new_warehouse(
    seasons: tuple[Path, Path],
    data: Path,
    killer: Path,
    fake_dbt: Callable[[str], Path],
    record_property: Callable[[str, object], None],
) -> None:
    fake = fake_dbt(FAKE_DBT)
    both = os.pathsep.join([str(fake), str(killer)])
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[1], PITWALL_DATA=data)
    races = pl.read_parquet(data / "parquet" / "races.parquet").height
    old = tables(data / "warehouse.duckdb")
    step, seen = 0, set()
    while True:
        step += 1
        trial = data.parent / "trial"
        shutil.rmtree(trial, ignore_errors=True)
        shutil.copytree(data, trial)
        process = start(
            SCRIPTS / "build.py",
            PITWALL_DATA=trial,
            PYTHONPATH=both,
            KILL_SCRIPT="build.py",
            KILL_BEFORE=str(step),
        )
        output = process.communicate()[0]
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, output
        found = tables(trial / "warehouse.duckdb")
        is_new = found.get("marts.dim_races") == races
        assert is_new or found == old, f"killed before step {step}"
        seen.add(is_new)
        if LONG or step % 3 == 0:
            must_run(SCRIPTS / "build.py", PITWALL_DATA=trial, PYTHONPATH=fake)
            assert tables(trial / "warehouse.duckdb")["marts.dim_races"] == races
    assert False in seen
    record_property("count", f"build: killed before each of {step - 1} steps")


@pytest.mark.parametrize("dbt", ["fake", pytest.param("real", marks=pytest.mark.slow)], indirect=True)
def test_build_killed_at_random_leaves_the_old_or_the_new_warehouse(
    seasons: tuple[Path, Path],
    data: Path,
    dbt: dict[str, Path],
    record_property: Callable[[str, object], None],
) -> None:
    """Every second kill hits the script alone, and dbt runs on. The others hit both."""
    chance = random.Random(1950)
    old = tables(data / "warehouse.duckdb")
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[1], PITWALL_DATA=data)
    started = time.monotonic()
    untouched = shutil.copytree(data, data.parent / "untouched")
    must_run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)
    duration = time.monotonic() - started
    new = tables(data / "warehouse.duckdb")
    assert new != old
    kills = 0
    attempts = KILLS if LONG or dbt else 1
    while kills < attempts:
        shutil.rmtree(data)
        shutil.copytree(untouched, data)
        process = start(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)
        time.sleep(chance.uniform(0.02, 1.0) * duration)
        kills += process.poll() is None
        kill(process, group=kills % 2 == 0)
        assert tables(data / "warehouse.duckdb") in (old, new)
        # The killed build removed the record of the unit tests, which would run again.
        shutil.copy(untouched / RECORD, data / RECORD)
        ended = run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)
        while is_busy(ended.stdout):
            time.sleep(0.5)
            ended = run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)
        assert ended.returncode == 0, ended.stdout
        assert tables(data / "warehouse.duckdb") == new
    record_property(
        "count", f"build with the {'stand-in' if dbt else 'real dbt'}: killed {kills} times at random"
    )


def start_build(data: Path, dbt: dict[str, Path]) -> subprocess.Popen[str]:
    """Start a full build, and return when dbt is running. The stand-in then waits for the file `go_on`."""
    process = start(SCRIPTS / "build.py", "--full", PITWALL_DATA=data, FAKE_WAITS="1", **dbt)
    running = data / "at_work" if dbt else data / ".build" / "warehouse.duckdb"
    while not running.exists():
        assert process.poll() is None
        time.sleep(0.05)
    if not dbt:
        time.sleep(1)
    return process


def children(process: subprocess.Popen[str]) -> dict[int, str]:
    """The processes that a script has started: their numbers, and the programs."""
    listed = must_run("ps", "-A", "-o", "pid=,ppid=,args=")
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return {int(pid): program for pid, parent, program in rows if int(parent) == process.pid}


def wait_for_the_end_of(number: int) -> None:
    """Wait until a process is gone. Until then it may hold a lock, even if its output has ended."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the process still runs")


def test_dbt_ends_when_the_build_is_killed(data: Path, dbt: dict[str, Path]) -> None:
    """A scheduler kills a task, and starts it again: the next build must not wait for an abandoned dbt."""
    process = start_build(data, dbt)
    [number] = [pid for pid, program in children(process).items() if "/bin/dbt" in program]
    process.kill()
    process.communicate()
    wait_for_the_end_of(number)
    must_run(SCRIPTS / "build.py", "--full", PITWALL_DATA=data, **dbt)


def test_a_build_leaves_no_process_behind(data: Path, dbt: dict[str, Path]) -> None:
    """The shell that ends dbt, if the build is killed, ends as well."""
    process = start_build(data, dbt)
    started = children(process)
    assert len(started) == 2, started
    (data / "go_on").touch()
    process.communicate()
    left = set(must_run("ps", "-A", "-o", "pid=").split())
    assert not left.intersection(map(str, started))


def test_a_run_is_refused_while_the_dbt_of_a_killed_run_works(data: Path, dbt: dict[str, Path]) -> None:
    """The files of that dbt must not get into the next build. This dbt is halted, so that it cannot end."""
    process = start_build(data, dbt)
    [number] = [pid for pid, program in children(process).items() if "/bin/dbt" in program]
    os.kill(number, signal.SIGSTOP)
    while not must_run("ps", "-o", "stat=", "-p", str(number)).startswith("T"):
        time.sleep(0.02)  # until it is halted, it would end with the build
    process.kill()
    second = run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)
    os.kill(number, signal.SIGKILL)
    process.communicate()
    wait_for_the_end_of(number)
    assert (second.returncode, is_busy(second.stdout)) == (TEMPORARY, True), second.stdout
    must_run(SCRIPTS / "build.py", "--full", PITWALL_DATA=data, **dbt)


def assert_one_line(result: subprocess.CompletedProcess[str], *words: str, code: int = 2) -> None:
    """Assert that the run failed and that its last line gives the reason, with these words."""
    assert result.returncode == code, result.stdout
    assert "Traceback" not in result.stdout
    last = result.stdout.splitlines()[-1]
    assert last.startswith(("build: ", "csv_to_parquet: ")), result.stdout
    for word in words:
        assert word in last, last


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of two megabytes."""
    with mounted(tmp_path / "disk", "2m") as disk:
        yield disk


def test_the_reason_of_a_failure_is_printed_if_stdout_is_full() -> None:
    program = (
        "import sys; from pitwall.command import PlainError, exit_code\n"
        "def fail(): print('so far'); raise PlainError('no such race')\n"
        "exit_code('csv_to_parquet', fail, None)"
    )
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", program]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            command, cwd=SCRIPTS, env=buffered, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert result.stderr.startswith("csv_to_parquet: no such race\n")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_stops_no_run_and_hides_no_failure(
    seasons: tuple[Path, Path], tmp_path: Path, streams: str
) -> None:
    def convert(raw: Path) -> subprocess.CompletedProcess[str]:
        command = f'exec "$1" scripts/csv_to_parquet.py "$2" {streams}'
        return run("sh", "-c", command, "sh", sys.executable, raw, PITWALL_DATA=tmp_path / "data")

    result = convert(tmp_path / "none")
    assert result.returncode == 2
    assert "Traceback" not in result.stdout
    assert ("no such folder" in result.stdout) == (streams != "<&- >&- 2>&-")
    assert convert(seasons[0]).returncode == 0
    assert "races.parquet" in counts(tmp_path / "data" / "parquet")


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    """Polars prints its panics to the descriptor of stderr, whatever that is."""
    program = (
        "import os; from pathlib import Path; from pitwall.command import exit_code\n"
        "def write():\n with Path('file').open('w'): os.write(2, b'panic')\n"
        "raise SystemExit(exit_code('csv_to_parquet', write, None))"
    )
    command = 'cd "$1" && exec "$2" -c "$3" 2>&-'
    result = run("sh", "-c", command, "sh", tmp_path, sys.executable, program, PYTHONPATH=SCRIPTS)
    assert result.returncode == 0
    assert (tmp_path / "file").read_text() == ""


def test_a_full_disk_while_converting_changes_nothing(seasons: tuple[Path, Path], small_disk: Path) -> None:
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[0], PITWALL_DATA=small_disk)
    before = counts(small_disk / "parquet")
    filler, failed = small_disk / "filler", 0
    # The room grows: table after table is the first that does not fit, in the long form each. The manifest is
    # the last.
    for room in range(0, 1_000_000, 20_480 if LONG else 61_440):
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - room))
        result = run(SCRIPTS / "csv_to_parquet.py", seasons[1], PITWALL_DATA=small_disk)
        filler.unlink()
        if not result.returncode:
            break
        assert_one_line(result)
        assert "full disk" in result.stdout or "No space left" in result.stdout
        assert counts(small_disk / "parquet") == before
        failed += 1
    else:
        pytest.fail("the run never had enough room")
    assert failed > (10 if LONG else 4)


@pytest.mark.parametrize(
    ("dbt", "room", "options"),
    [
        ("fake", 2_000_000, []),
        ("fake", 2_000_000, ["--full"]),
        pytest.param("real", 40_000_000, ["--full"], marks=pytest.mark.slow),
        pytest.param("real", 2_000_000, [], marks=pytest.mark.torture),
        pytest.param("real", 2_000_000, ["--full"], marks=pytest.mark.torture),
    ],
    indirect=["dbt"],
)
def test_a_full_disk_while_building_changes_nothing(
    seasons: tuple[Path, Path],
    good: Path,
    builder: Builder,
    small_disk: Path,
    dbt: dict[str, Path],
    room: int,
    options: list[str],
) -> None:
    """The disk is full while the last warehouse is copied, dbt writes, or DuckDB does a checkpoint."""
    remount(small_disk, "size=64m")
    data = copy_built(good, builder, small_disk / "data")
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[1], PITWALL_DATA=data)
    before = tables(data / "warehouse.duckdb")
    (small_disk / "filler").write_bytes(bytes(max(shutil.disk_usage(small_disk).free - room, 0)))
    result = run(SCRIPTS / "build.py", *options, PITWALL_DATA=data, **dbt)
    assert_one_line(result, "the last good warehouse is unchanged")
    assert tables(data / "warehouse.duckdb") == before
    remount(small_disk, "size=512m")
    builder.prepare(data)  # the failed build removed the record of the unit tests, which would run again
    must_run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)


def test_a_read_only_data_folder_is_reported(
    seasons: tuple[Path, Path], good: Path, builder: Builder, small_disk: Path
) -> None:
    remount(small_disk, "size=64m")
    data = copy_built(good, builder, small_disk / "data")
    before = tables(data / "warehouse.duckdb")
    remount(small_disk, "ro")
    assert_one_line(
        run(SCRIPTS / "csv_to_parquet.py", seasons[1], PITWALL_DATA=data), "Read-only file system"
    )
    assert_one_line(run(SCRIPTS / "build.py", PITWALL_DATA=data), "Read-only file system")
    assert tables(data / "warehouse.duckdb") == before


def test_a_second_build_at_the_same_time_is_refused(data: Path, dbt: dict[str, Path]) -> None:
    first = start_build(data, dbt)
    second = run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)
    assert_one_line(second, "another run is using this folder", code=TEMPORARY)
    (data / "go_on").touch()
    output = first.communicate()[0]
    assert first.returncode == 0, output


def test_a_reader_does_not_stop_a_build_and_a_writer_does(data: Path, dbt: dict[str, Path]) -> None:
    warehouse = data / "warehouse.duckdb"
    with duckdb.connect(warehouse, read_only=True) as reader:
        must_run(SCRIPTS / "build.py", "--full", PITWALL_DATA=data, **dbt)
        assert reader.execute("select count(*) > 0 from marts.dim_races").fetchall() == [(True,)]
    writer = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", writer, str(warehouse)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert_one_line(
            run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt), f"(PID {process.pid}) has it open"
        )
        process.communicate(b"\n")
    must_run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)


@pytest.mark.parametrize("damage", ["truncated", "one byte changed", "empty", "text"])
def test_a_damaged_parquet_file_is_refused_and_repaired(
    seasons: tuple[Path, Path], data: Path, damage: str
) -> None:
    """A build refuses it. Converting again repairs it, although the CSV has not changed."""
    path = data / "parquet" / "lap_times.parquet"
    content = path.read_bytes()
    middle = len(content) // 2
    damaged = {
        "truncated": content[:middle],
        "one byte changed": content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :],
        "empty": b"",
        "text": b"race_id,driver_id\n".ljust(len(content)),
    }
    path.unlink()
    path.write_bytes(damaged[damage])
    before = tables(data / "warehouse.duckdb")
    assert_one_line(
        run(SCRIPTS / "build.py", PITWALL_DATA=data), "lap_times.parquet", "damaged", "make build RAW="
    )
    assert tables(data / "warehouse.duckdb") == before
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[0], PITWALL_DATA=data)
    assert path.read_bytes() == content


def test_a_damaged_manifest_is_refused_and_repaired(
    seasons: tuple[Path, Path], data: Path, dbt: dict[str, Path]
) -> None:
    (data / "parquet" / "load_manifest.parquet").write_bytes(b"PAR1 and no more")
    result = run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)
    assert_one_line(result, "load_manifest.parquet", "make build RAW=")
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[0], PITWALL_DATA=data)
    must_run(SCRIPTS / "build.py", "--full", PITWALL_DATA=data, **dbt)


@pytest.mark.parametrize("damage", ["truncated", "zeros at the start", "empty", "text"])
def test_a_damaged_warehouse_is_refused_and_kept(data: Path, dbt: dict[str, Path], damage: str) -> None:
    """It holds the history of revisions, so no run deletes it: the user decides."""
    warehouse = data / "warehouse.duckdb"
    content = warehouse.read_bytes()
    damaged = {
        "truncated": content[: len(content) // 2],
        "zeros at the start": bytes(16384) + content[16384:],
        "empty": b"",
        "text": b"not a database\n" * 1000,
    }[damage]
    warehouse.write_bytes(damaged)
    assert_one_line(run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt), "warehouse.duckdb", "good copy")
    assert warehouse.read_bytes() == damaged
    warehouse.rename(data / "broken.duckdb")
    must_run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)


def test_a_clock_that_went_backwards_is_refused(
    simulated_warehouse: Path, builder: Builder, tmp_path: Path
) -> None:
    """The history of revisions is ordered by time: a version must not end before it began."""
    data = copy_built(simulated_warehouse, builder, tmp_path / "data")
    warehouse = data / "warehouse.duckdb"
    with duckdb.connect(warehouse) as connection:
        connection.execute(
            "update snapshots.race_results_history set dbt_valid_from = dbt_valid_from + interval 2 day"
        )
    before = tables(warehouse)
    assert_one_line(run(SCRIPTS / "build.py", PITWALL_DATA=data), "clock")
    assert tables(warehouse) == before


@pytest.mark.slow
def test_a_build_with_a_repaired_model_is_resumed(
    small_warehouse: Path, builder: Builder, tmp_path: Path
) -> None:
    """`dbt retry` continues where a build stopped, and `make build` works after it."""
    data = copy_built(small_warehouse, builder, tmp_path / "data")
    project = tmp_path / "project"
    for name in ("models", "macros", "seeds", "snapshots", "tests", "analyses", "scripts", "dbt_packages"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dbt_project.yml", "profiles.yml", "packages.yml", "package-lock.yml"):
        shutil.copy(ROOT / name, project)
    model = project / "models" / "marts" / "core" / "dim_seasons.sql"
    sql = model.read_text(encoding="utf-8")
    model.write_text(f"{sql}where no_such_column\n")
    pass_unit_tests(project, data / ".build" / "target")
    before = tables(data / "warehouse.duckdb")
    assert_one_line(
        run(project / "scripts" / "build.py", PITWALL_DATA=data), "the last good warehouse is unchanged"
    )
    assert tables(data / "warehouse.duckdb") == before
    model.write_text(sql)
    target = data / ".build" / "target"
    run_results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    retried = run(
        DBT,
        "retry",
        "--project-dir",
        project,
        "--profiles-dir",
        project,
        "--target-path",
        target,
        cwd=project,
        PITWALL_DATA=data,
        PITWALL_WAREHOUSE=data / ".build" / "warehouse.duckdb",
    )
    assert retried.returncode == 0, retried.stdout
    retried_results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    assert 0 < len(retried_results) < len(run_results)
    if LONG:
        must_run(project / "scripts" / "build.py", PITWALL_DATA=data)
        assert tables(data / "warehouse.duckdb").keys() == before.keys()
