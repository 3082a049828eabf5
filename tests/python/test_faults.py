"""Killed runs, full disks, damaged files, a wrong clock: whatever happens, the last good state survives it.

`make test` runs the short form: most builds run a stand-in for dbt, which takes a second. `make torture` runs
the long form: each of these tests with the real dbt as well, and more kills. Both print their counts.
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
from conftest import DBT, LONG, ROOT, SCRIPTS, Builder, mounted, must_run, remount, run

from pitwall.raw.schema import SOURCES

KILLS = 50 if LONG else 6
# The raw tables that are converted where each step is tried: all of them take the same steps.
CONVERTED = ("races", "results", "status")

# Kills its own process just before the n-th time that the script changes a file or folder.
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
# With FAKE_WAITS it says that it is at work, and goes on when the test allows it.
FAKE_DBT = """
import os, sys, time
from pathlib import Path
import duckdb

def cli():
    data = Path(os.environ["PITWALL_DATA"])
    with duckdb.connect(os.environ["PITWALL_WAREHOUSE"]) as connection:
        races = data / "parquet" / "races.parquet"
        connection.execute("create schema if not exists marts")
        connection.execute(f"create or replace table marts.dim_races as from read_parquet('{races}')")
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


@pytest.fixture(scope="session")
def seasons(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Raw files of one simulated season, and of two: what a run may find the next time."""
    folder = tmp_path_factory.mktemp("seasons")
    for number in (1, 2):
        must_run(SCRIPTS / "simulate.py", "--seasons", str(number), folder / str(number))
    return folder / "1", folder / "2"


@pytest.fixture
def data(small_warehouse: Path, builder: Builder, tmp_path: Path) -> Path:
    """A copy of the data folder of one season, to be harmed."""
    return copy_data(small_warehouse, builder, tmp_path / "data")


def copy_data(warehouse: Path, builder: Builder, data: Path) -> Path:
    """Copy the data folder of a warehouse, without its raw files."""
    shutil.copytree(warehouse.parent, data, ignore=shutil.ignore_patterns("raw"))
    builder.prepare(data)
    return data


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.long)])
def dbt(request: pytest.FixtureRequest, fake_dbt: Callable[[str], Path]) -> dict[str, Path]:
    """The environment in which build.py runs the stand-in for dbt; in the long form also the real one."""
    return {"PYTHONPATH": fake_dbt(FAKE_DBT)} if request.param == "fake" else {}


def counts(folder: Path) -> dict[str, int]:
    """The rows of every Parquet file; reading all of them proves them whole."""
    return {path.name: pl.read_parquet(path).height for path in sorted(folder.glob("*.parquet"))}


def tables(warehouse: Path) -> dict[str, int]:
    """The rows of every table; counting with a filter on all columns reads all of it."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE' "
            "order by all"
        ).fetchall()
        query = "select count(*), bit_xor(hash(whole)) from {} as whole"
        return {
            f"{schema}.{name}": connection.execute(query.format(f'{schema}."{name}"')).fetchall()[0][0]
            for schema, name in names
        }


def is_busy(text: str) -> bool:
    """Whether a run was refused because another one still works in the folder."""
    return "another run is using this folder" in text


def start(*command: str | Path, **environment: str | Path) -> subprocess.Popen[str]:
    """Start a script in a process group of its own, as a person's shell would."""
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
    """SIGKILL to a run: to the script alone, or to all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL) if group else process.kill()
    process.communicate()


@pytest.fixture
def killer(tmp_path: Path) -> Path:
    folder = tmp_path / "killer"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(KILLER, encoding="utf-8")
    return folder


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    """The declaration of a few of the raw tables; in the long form of all."""
    if LONG:
        return SOURCES
    declared = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))
    for source in declared["sources"]:
        source["tables"] = [table for table in source["tables"] if table["name"] in CONVERTED]
    file = tmp_path / "sources.yml"
    file.write_text(yaml.safe_dump(declared), encoding="utf-8")
    return file


def test_convert_killed_before_each_of_its_steps(
    seasons: tuple[Path, Path],
    schema: Path,
    killer: Path,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Every rename, removal and new file is a moment to die at; the Parquet is the old or the new, whole."""
    data = tmp_path / "data"
    convert = [SCRIPTS / "csv_to_parquet.py", "--schema", schema]
    must_run(*convert, seasons[0], PITWALL_DATA=data)
    must_run(*convert, seasons[1], PITWALL_DATA=data / "new")
    old, new = counts(data / "parquet"), counts(data / "new" / "parquet")
    assert old != new
    step, seen = 0, set()
    while True:
        step += 1
        again = data.parent / "again"
        shutil.rmtree(again, ignore_errors=True)
        again.mkdir()
        shutil.copytree(data / "parquet", again / "parquet")
        process = start(
            *convert,
            seasons[1],
            PITWALL_DATA=again,
            PYTHONPATH=killer,
            KILL_SCRIPT="csv_to_parquet.py",
            KILL_BEFORE=str(step),
        )
        said = process.communicate()[0]
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, said
        # Between two renames the old one waits under another name, until the next run finds it.
        found = counts(again / ("parquet" if (again / "parquet").exists() else "parquet.old"))
        assert found in (old, new), f"killed before step {step}"
        seen.add(found == new)
        if LONG or step % 5 == 0:
            must_run(*convert, seasons[1], PITWALL_DATA=again)
            assert counts(again / "parquet") == new
            assert sorted(path.name for path in again.iterdir()) == [".lock", "parquet", "quarantine"]
    assert seen == {False, True}, "no step before the commit, or none after it"
    record_property("count", f"convert: killed before each of {step - 1} steps")


def test_convert_killed_at_random(
    seasons: tuple[Path, Path], data: Path, record_property: Callable[[str, object], None]
) -> None:
    """Also in the middle of what Polars writes."""
    chance = random.Random(1950)
    old = counts(data / "parquet")
    started = time.monotonic()
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[1], PITWALL_DATA=data / "new")
    usual = time.monotonic() - started
    new = counts(data / "new" / "parquet")
    kills = 0
    while kills < KILLS:
        process = start(SCRIPTS / "csv_to_parquet.py", seasons[kills % 2], PITWALL_DATA=data)
        time.sleep(chance.uniform(0.2, 1.1) * usual)
        kills += process.poll() is None
        kill(process, group=True)
        assert counts(data / ("parquet" if (data / "parquet").exists() else "parquet.old")) in (old, new)
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[1], PITWALL_DATA=data)
    assert counts(data / "parquet") == new
    record_property("count", f"convert: killed {kills} times at random")


def test_build_killed_before_each_of_its_steps(
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
        again = data.parent / "again"
        shutil.rmtree(again, ignore_errors=True)
        shutil.copytree(data, again)
        process = start(
            SCRIPTS / "build.py",
            PITWALL_DATA=again,
            PYTHONPATH=both,
            KILL_SCRIPT="build.py",
            KILL_BEFORE=str(step),
        )
        said = process.communicate()[0]
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, said
        found = tables(again / "warehouse.duckdb")
        is_new = found.get("marts.dim_races") == races
        assert is_new or found == old, f"killed before step {step}"
        seen.add(is_new)
        must_run(SCRIPTS / "build.py", PITWALL_DATA=again, PYTHONPATH=fake)
        assert tables(again / "warehouse.duckdb")["marts.dim_races"] == races
    assert False in seen
    record_property("count", f"build: killed before each of {step - 1} steps")


@pytest.mark.parametrize("dbt", ["fake", "real"], indirect=True)
def test_build_killed_at_random(
    seasons: tuple[Path, Path],
    data: Path,
    dbt: dict[str, Path],
    record_property: Callable[[str, object], None],
) -> None:
    """The script alone is killed, and dbt left an orphan, or all of it together."""
    chance = random.Random(1950)
    old = tables(data / "warehouse.duckdb")
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[1], PITWALL_DATA=data)
    started = time.monotonic()
    untouched = shutil.copytree(data, data.parent / "untouched")
    must_run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)
    usual = time.monotonic() - started
    new = tables(data / "warehouse.duckdb")
    assert new != old
    kills = 0
    attempts = KILLS if LONG or dbt else 1
    while kills < attempts:
        shutil.rmtree(data)
        shutil.copytree(untouched, data)
        process = start(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)
        time.sleep(chance.uniform(0.02, 1.0) * usual)
        kills += process.poll() is None
        kill(process, group=kills % 2 == 0)
        assert tables(data / "warehouse.duckdb") in (old, new)
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
    """Start a full build, and return when dbt is at work. The stand-in then waits for a file `go_on`."""
    process = start(SCRIPTS / "build.py", "--full", PITWALL_DATA=data, FAKE_WAITS="1", **dbt)
    sign = data / "at_work" if dbt else data / ".build" / "warehouse.duckdb"
    while not sign.exists():
        assert process.poll() is None
        time.sleep(0.05)
    if not dbt:
        time.sleep(1)
    return process


def test_a_run_is_refused_while_what_another_left_still_works(data: Path, dbt: dict[str, Path]) -> None:
    """A dbt whose script was killed holds the folder: its files must not get into the next build."""
    process = start_build(data, dbt)
    process.kill()
    second = run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert (second.returncode, is_busy(second.stdout)) == (2, True), second.stdout
    must_run(SCRIPTS / "build.py", "--full", PITWALL_DATA=data, **dbt)


def one_line(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """The run failed and said why, in one plain line at the end."""
    assert result.returncode == 2, result.stdout
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


def test_why_it_failed_is_told_where_stdout_is_full() -> None:
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


def test_a_full_disk_while_converting(seasons: tuple[Path, Path], small_disk: Path) -> None:
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[0], PITWALL_DATA=small_disk)
    before = counts(small_disk / "parquet")
    filler, failed = small_disk / "filler", 0
    # Each table is the first without room once, and the manifest at the end.
    for room in range(0, 1_000_000, 20_480):
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - room))
        result = run(SCRIPTS / "csv_to_parquet.py", seasons[1], PITWALL_DATA=small_disk)
        filler.unlink()
        if not result.returncode:
            break
        one_line(result)
        assert "full disk" in result.stdout or "No space left" in result.stdout
        assert counts(small_disk / "parquet") == before
        failed += 1
    else:
        pytest.fail("it never had room enough")
    assert failed > 10


@pytest.mark.parametrize(
    ("dbt", "room", "options"),
    [
        ("fake", 2_000_000, []),
        ("fake", 2_000_000, ["--full"]),
        ("real", 40_000_000, ["--full"]),
        pytest.param("real", 2_000_000, [], marks=pytest.mark.long),
        pytest.param("real", 2_000_000, ["--full"], marks=pytest.mark.long),
    ],
    indirect=["dbt"],
)
def test_a_full_disk_while_building(
    seasons: tuple[Path, Path],
    small_warehouse: Path,
    builder: Builder,
    small_disk: Path,
    dbt: dict[str, Path],
    room: int,
    options: list[str],
) -> None:
    """While the last warehouse is copied, dbt writes, and DuckDB folds what is in the log into the file."""
    remount(small_disk, "size=64m")
    data = copy_data(small_warehouse, builder, small_disk / "data")
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[1], PITWALL_DATA=data)
    before = tables(data / "warehouse.duckdb")
    (small_disk / "filler").write_bytes(bytes(max(shutil.disk_usage(small_disk).free - room, 0)))
    result = run(SCRIPTS / "build.py", *options, PITWALL_DATA=data, **dbt)
    one_line(result, "the last good warehouse is unchanged")
    assert tables(data / "warehouse.duckdb") == before
    remount(small_disk, "size=512m")
    must_run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)


def test_a_data_folder_that_is_read_only(
    seasons: tuple[Path, Path], small_warehouse: Path, builder: Builder, small_disk: Path
) -> None:
    remount(small_disk, "size=64m")
    data = copy_data(small_warehouse, builder, small_disk / "data")
    before = tables(data / "warehouse.duckdb")
    remount(small_disk, "ro")
    one_line(run(SCRIPTS / "csv_to_parquet.py", seasons[1], PITWALL_DATA=data), "Read-only file system")
    one_line(run(SCRIPTS / "build.py", PITWALL_DATA=data), "Read-only file system")
    assert tables(data / "warehouse.duckdb") == before


def test_two_builds_at_once(data: Path, dbt: dict[str, Path]) -> None:
    first = start_build(data, dbt)
    one_line(run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt), "another run is using this folder")
    (data / "go_on").touch()
    said = first.communicate()[0]
    assert first.returncode == 0, said


def test_a_reader_and_a_writer_hold_the_warehouse(data: Path, dbt: dict[str, Path]) -> None:
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
        one_line(run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt), "another program writes to it")
        process.communicate(b"\n")
    must_run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "text"])
def test_a_damaged_parquet_file(seasons: tuple[Path, Path], data: Path, harm: str) -> None:
    """Building refuses it; converting again mends it, although the CSV has not changed."""
    path = data / "parquet" / "lap_times.parquet"
    whole = path.read_bytes()
    middle = len(whole) // 2
    harmed = {
        "cut": whole[:middle],
        "flipped": whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :],
        "empty": b"",
        "text": b"race_id,driver_id\n".ljust(len(whole)),
    }
    path.unlink()
    path.write_bytes(harmed[harm])
    before = tables(data / "warehouse.duckdb")
    one_line(run(SCRIPTS / "build.py", PITWALL_DATA=data), "lap_times.parquet", "damaged", "make build RAW=")
    assert tables(data / "warehouse.duckdb") == before
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[0], PITWALL_DATA=data)
    assert path.read_bytes() == whole


def test_a_damaged_manifest(seasons: tuple[Path, Path], data: Path, dbt: dict[str, Path]) -> None:
    (data / "parquet" / "load_manifest.parquet").write_bytes(b"PAR1 and no more")
    result = run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)
    one_line(result, "load_manifest.parquet", "make build RAW=")
    must_run(SCRIPTS / "csv_to_parquet.py", seasons[0], PITWALL_DATA=data)
    must_run(SCRIPTS / "build.py", "--full", PITWALL_DATA=data, **dbt)


@pytest.mark.parametrize("harm", ["cut", "zeroed", "empty", "text"])
def test_a_damaged_warehouse(data: Path, dbt: dict[str, Path], harm: str) -> None:
    """It holds the history of revisions, so it is never thrown away; the person decides."""
    warehouse = data / "warehouse.duckdb"
    whole = warehouse.read_bytes()
    harmed = {
        "cut": whole[: len(whole) // 2],
        "zeroed": bytes(16384) + whole[16384:],
        "empty": b"",
        "text": b"not a database\n" * 1000,
    }[harm]
    warehouse.write_bytes(harmed)
    one_line(run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt), "warehouse.duckdb", "good copy")
    assert warehouse.read_bytes() == harmed
    warehouse.rename(data / "broken.duckdb")
    must_run(SCRIPTS / "build.py", PITWALL_DATA=data, **dbt)


def test_a_clock_that_goes_backwards(data: Path) -> None:
    """The history of revisions is told in times: a version must not end before it began."""
    warehouse = data / "warehouse.duckdb"
    with duckdb.connect(warehouse) as connection:
        connection.execute(
            "update snapshots.race_results_history set dbt_valid_from = dbt_valid_from + interval 2 day"
        )
    before = tables(warehouse)
    one_line(run(SCRIPTS / "build.py", PITWALL_DATA=data), "clock")
    assert tables(warehouse) == before


def test_a_model_that_fails_is_mended_and_resumed(data: Path, tmp_path: Path) -> None:
    """`dbt retry` goes on where a build stopped, and so may the next `make build`."""
    project = tmp_path / "project"
    for name in ("models", "macros", "seeds", "snapshots", "tests", "analyses", "scripts", "dbt_packages"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dbt_project.yml", "profiles.yml", "packages.yml", "package-lock.yml"):
        shutil.copy(ROOT / name, project)
    model = project / "models" / "marts" / "core" / "dim_seasons.sql"
    whole = model.read_text(encoding="utf-8")
    model.write_text(f"{whole}where no_such_column\n")
    before = tables(data / "warehouse.duckdb")
    one_line(run(project / "scripts" / "build.py", PITWALL_DATA=data), "the last good warehouse is unchanged")
    assert tables(data / "warehouse.duckdb") == before
    model.write_text(whole)
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
    again = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    assert 0 < len(again) < len(run_results)
    if LONG:
        must_run(project / "scripts" / "build.py", PITWALL_DATA=data)
        assert tables(data / "warehouse.duckdb").keys() == before.keys()
