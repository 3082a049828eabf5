"""`make release`: files to take away that have every cell of the warehouse, and say where they come from."""

import gc
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import yaml
from conftest import ROOT, SCRIPTS, make_once, mounted, must_run, one_at_a_time, remount, run

for package in ("frictionless", "pandas", "pyarrow"):
    pytest.importorskip(package)

import frictionless  # noqa: E402
import pandas  # noqa: E402

from pitwall.command import TEMPORARY, PlainError  # noqa: E402
from pitwall.release import attribution, make, package, sqlite_file  # noqa: E402
from pitwall.release.changes import Changes, TableChange, find_changes  # noqa: E402
from pitwall.release.notes import LISTED, render  # noqa: E402
from pitwall.release.tables import Column, Table, attach, read_tables  # noqa: E402

# Frictionless does not close the zips that it reads.
NOT_CLOSED = [
    pytest.mark.filterwarnings(f"ignore:{text}") for text in ("unclosed file", "Exception ignored in")
]
pytestmark = [pytest.mark.extra, *NOT_CLOSED]

RELEASE = SCRIPTS / "release.py"
PAGE = ROOT / "docs" / "data-to-take-away.md"
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
# The older clients that requirements/clients/ locks. There is no DuckDB 0.10 for Python 3.13.
CLIENTS = [*(["0.10"] if sys.version_info < (3, 13) else []), "1.1", "1.4"]
WITH_HTTP = "1.4"


class Released:
    """A data folder with a warehouse, and the release that was made from it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.warehouse = data / "warehouse.duckdb"
        [name] = make.versions_in(data / "releases")
        self.folder = data / "releases" / name

    def connect(self) -> duckdb.DuckDBPyConnection:
        """DuckDB with the warehouse attached."""
        connection = duckdb.connect()
        attach(connection, self.warehouse)
        return connection

    def tables(self) -> list[Table]:
        """The tables of the release."""
        with self.connect() as connection:
            return read_tables(connection, self.data / ".build" / "target" / "manifest.json")


def copy_data(warehouse: Path, data: Path) -> Path:
    """Copy what a release reads of a data folder. Returns the copy."""
    target = data / ".build" / "target"
    target.mkdir(parents=True)
    shutil.copy(warehouse, data)
    for name in ("manifest.json", "osi_document.json"):
        shutil.copy(warehouse.parent / ".build" / "target" / name, target)
    return data


def released(warehouse: Path, folder: Path) -> Released:
    """Copy a data folder, and make a release of it, once per test run."""

    def make_release(data: Path) -> None:
        copy_data(warehouse, data)
        (data / "output").write_text(must_run(RELEASE, PITWALL_DATA=data), encoding="utf-8")

    return Released(make_once(folder, make_release))


@pytest.fixture(scope="session")
def simulated(simulated_warehouse: Path, shared_folder: Path) -> Released:
    """A release of five simulated seasons."""
    return released(simulated_warehouse, shared_folder / "released")


@pytest.fixture(scope="session", params=["simulated", pytest.param("real", marks=pytest.mark.slow)])
def either(request: pytest.FixtureRequest, shared_folder: Path) -> Released:
    """A release of five simulated seasons, and one of the real files."""
    if request.param == "real":
        return released(request.getfixturevalue("real_warehouse"), shared_folder / "released_real")
    found: Released = request.getfixturevalue("simulated")
    return found


@pytest.fixture
def data(simulated: Released, tmp_path: Path) -> Path:
    """A data folder with the simulated warehouse, and without a release."""
    return copy_data(simulated.warehouse, tmp_path / "data")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes a release without the validation, which takes half of the time."""
    monkeypatch.setattr(make, "VALIDATED_ROWS", -1)
    return make.release


@pytest.fixture(scope="session")
def client(shared_folder: Path) -> Callable[[str], Path]:
    """Installs an older DuckDB. Returns the folder to put in PYTHONPATH."""

    def install(version: str) -> Path:
        def pip(folder: Path) -> None:
            lock = ROOT / "requirements" / "clients" / f"duckdb-{version}.txt"
            options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
            must_run(sys.executable, "-m", "pip", "install", *options, "--target", folder, "-r", lock)

        return make_once(shared_folder / f"client_{version.replace('.', '_')}", pip)

    return install


# Every cell


def as_declared(column: Column) -> str:
    """The type of a contract as DuckDB writes it."""
    return "varchar" if column.kind == "string" else column.type


def assert_same_cells(connection: duckdb.DuckDBPyConnection, table: Table, relation: str) -> None:
    """Fail unless a relation has the same rows as the warehouse, each cell cast to its declared type."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    casts = ", ".join(
        f'cast("{column.name}" as {as_declared(column)}) as "{column.name}"' for column in table.columns
    )
    ours, theirs = f"select {names} from {table.source}", f"select {casts} from {relation}"
    missing = connection.execute(f"{ours} except all {theirs} limit 1").fetchall()
    assert missing == [], f"{table.name}: lacks {missing}"
    # With as many rows on both sides, the other side has no other row either.
    counts = f"select (select count(*) from {table.source}), (select count(*) from {relation})"
    [(expected, found)] = connection.execute(counts).fetchall()
    assert found == expected, f"{table.name}: {found} rows in place of {expected}"


def test_every_format_has_every_cell(either: Released) -> None:
    """SQLite's own driver, pandas and polars read back what is in the warehouse."""
    tables = either.tables()
    assert {table.schema for table in tables} == {"marts", "quality"}
    with either.connect() as connection, sqlite3.connect(either.folder / "pitwall.sqlite") as database:
        connection.execute(f"attach '{either.folder / 'pitwall.duckdb'}' as copied (read_only)")
        for table in tables:
            parquet = either.folder / f"{table.name}.parquet"
            assert_same_cells(connection, table, f"copied.{table.schema}.{table.name}")
            nullable = connection.execute(f"describe copied.{table.schema}.{table.name}").fetchall()
            assert [row[2] == "NO" for row in nullable] == [column.is_required for column in table.columns]
            frame = pl.read_parquet(parquet, glob=False)
            for column in table.columns:
                is_exact = isinstance(frame.schema[column.name], pl.Decimal)
                assert is_exact == (column.kind == "decimal"), f"{table.name}.{column.name}"
            connection.register("frame", frame)
            assert_same_cells(connection, table, "frame")
            connection.register("frame", pandas.read_parquet(parquet, dtype_backend="pyarrow"))
            assert_same_cells(connection, table, "frame")
            texts = pandas.read_csv(
                either.folder / f"{table.name}.csv.zip",
                dtype="string[pyarrow]",
                keep_default_na=False,
                na_values=[""],
            )
            connection.register("frame", texts)
            assert_same_cells(connection, table, "frame")
            rows = database.execute(f"select * from {table.name}")
            names = [column[0] for column in rows.description]
            assert names == [column.name for column in table.columns]
            kinds = {"real": pl.Float64, "integer": pl.Int64, "text": pl.String}
            schema = {column.name: kinds[sqlite_file.TYPES[column.kind]] for column in table.columns}
            connection.register("frame", pl.DataFrame(rows.fetchall(), schema=schema, orient="row"))
            assert_same_cells(connection, table, "frame")


def test_a_different_cell_is_found(simulated: Released) -> None:
    [races] = [table for table in simulated.tables() if table.name == "dim_races"]
    with simulated.connect() as connection:
        connection.execute(f"create temp table other as from {races.source}")
        assert_same_cells(connection, races, "other")
        connection.execute(
            "update other set race_name = 'x' where race_id = (select min(race_id) from other)"
        )
        with pytest.raises(AssertionError, match="dim_races: lacks"):
            assert_same_cells(connection, races, "other")
        connection.execute(f"create or replace temp table other as from {races.source}")
        connection.execute("insert into other from other limit 1")
        with pytest.raises(AssertionError, match="rows in place of"):
            assert_same_cells(connection, races, "other")


# Writes each table that it is given as Parquet, and prints the comments that it sees.
READ = """
import duckdb, json, pathlib, sys
address, out, extension, tables = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
if extension:
    connection.execute(f"load '{extension}'")
connection.execute(f"attach '{address}' as pitwall (read_only)")
connection.execute("use pitwall")
for schema, name in tables:
    connection.execute(f"copy (from {schema}.{name}) to '{out / name}.parquet' (format parquet)")
has_comment = "where database_name = 'pitwall' and comment is not null"
counts = [connection.execute(f"select count(*) from duckdb_{kind}() {has_comment}").fetchall()[0][0]
          for kind in ("tables", "columns")]
print(json.dumps([duckdb.__version__, *counts]))
"""


def read_with(
    folder: Path, address: object, out: Path, tables: list[Table], extension: object = ""
) -> list[Any]:
    """Read tables with the DuckDB of a folder into Parquet files. Returns its version and what it counted."""
    out.mkdir()
    named = json.dumps([(table.schema, table.name) for table in tables])
    arguments = [str(address), str(out), str(extension), named]
    found: list[Any] = json.loads(must_run(sys.executable, "-c", READ, *arguments, PYTHONPATH=folder))
    return found


@pytest.mark.parametrize(
    "version",
    [
        version
        if version in (CLIENTS[0], WITH_HTTP)
        else pytest.param(version, marks=pytest.mark.slow)  # it lies between two that run always
        for version in CLIENTS
    ],
)
def test_older_clients_read_every_cell(
    either: Released, client: Callable[[str], Path], version: str, tmp_path: Path
) -> None:
    tables = either.tables()
    found, *comments = read_with(client(version), either.folder / "pitwall.duckdb", tmp_path / "out", tables)
    assert found.startswith(f"{version}.")
    assert comments == [len(tables), sum(len(table.columns) for table in tables)]
    with either.connect() as connection:
        for table in tables:
            relation = f"read_parquet('{tmp_path / 'out' / table.name}.parquet')"
            described = connection.execute(f"describe from {relation}").fetchall()
            wanted = connection.execute(f"describe from {table.source}").fetchall()
            assert [row[:2] for row in described] == [row[:2] for row in wanted]
            assert_same_cells(connection, table, relation)


class Server:
    """Serves a folder on loopback, with range requests, and notes what it sent."""

    def __init__(self, folder: Path) -> None:
        sent: list[tuple[bool, int]] = []
        self.sent = sent  # whether it was a range, and the number of bytes

        class Handler(SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Print nothing."""

            def do_GET(self) -> None:
                content = Path(self.translate_path(self.path)).read_bytes()
                wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
                first = int(wanted[1]) if wanted else 0
                part = content[first : int(wanted[2]) + 1] if wanted and wanted[2] else content[first:]
                sent.append((bool(wanted), len(part)))
                self.send_response(206 if wanted else 200)
                if wanted:
                    self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(content)}")
                self.send_header("Content-Length", str(len(part)))
                self.end_headers()
                self.wfile.write(part)

            def end_headers(self) -> None:
                self.send_header("Accept-Ranges", "bytes")
                super().end_headers()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: Handler(*args, directory=folder))
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def served(simulated: Released) -> Iterator[Server]:
    """The simulated release on a web server."""
    server = Server(simulated.folder)
    thread = threading.Thread(target=server.server.serve_forever)
    thread.start()
    yield server
    server.server.shutdown()
    thread.join()
    server.server.server_close()


def httpfs(folder: Path) -> Path:
    """The extension of an installed DuckDB that reads over http."""
    found = list(folder.rglob("httpfs.duckdb_extension"))
    if not found:
        pytest.skip("no package of DuckDB's httpfs for this machine")
    return found[0]


def test_a_query_over_http_fetches_only_parts_of_the_file(
    simulated: Released, served: Server, client: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = client(WITH_HTTP)
    tables = [table for table in simulated.tables() if table.name in ("dim_races", "fct_driver_championship")]
    read_with(folder, f"{served.address}/pitwall.duckdb", tmp_path / "out", tables, httpfs(folder))
    with simulated.connect() as connection:
        for table in tables:
            assert_same_cells(connection, table, f"read_parquet('{tmp_path / 'out' / table.name}.parquet')")
    assert all(is_range for is_range, _ in served.sent)
    fetched = sum(size for _, size in served.sent)
    assert 0 < fetched < (simulated.folder / "pitwall.duckdb").stat().st_size / 2


# The folder


def test_a_release_has_all_files_and_nothing_else(simulated: Released) -> None:
    names = {
        f"{table.name}.{ending}" for table in simulated.tables() for ending in ("parquet", "csv.zip")
    } | {"pitwall.duckdb", "pitwall.sqlite", "datapackage.json", "osi_document.json"}
    names |= {"NOTES.md", "ATTRIBUTION.md", "SHA256SUMS"}
    assert {path.name for path in simulated.folder.iterdir()} == names
    assert [path.name for path in (simulated.data / "releases").iterdir()] == [simulated.folder.name]
    output = (simulated.data / "output").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in output] == [
        "Parquet",
        "CSV",
        "SQLite",
        "DuckDB",
        "Frictionless",
        "The",
    ]
    assert output[-1] == f"The release is in {simulated.folder}. NOTES.md says what changed."


def test_the_checksums_are_those_of_the_files(simulated: Released, tmp_path: Path) -> None:
    folder = shutil.copytree(simulated.folder, tmp_path / "copy")
    lines = must_run("sha256sum", "-c", "SHA256SUMS", cwd=folder).splitlines()
    assert len(lines) == len(list(folder.iterdir())) - 1
    assert all(line.endswith(": OK") for line in lines)
    (folder / "NOTES.md").write_text("other", encoding="utf-8")
    assert run("sha256sum", "-c", "SHA256SUMS", cwd=folder).returncode == 1


@pytest.mark.slow
def test_a_second_release_has_equal_files_and_another_name(
    data: Path, quick: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The DuckDB file has the same cells, which other tests check, but DuckDB writes no equal files."""
    for _ in range(2):
        quick(data, None)
    one, two = (data / "releases" / name for name in make.versions_in(data / "releases"))
    assert two.name == f"{one.name}-2"
    for path in one.iterdir():
        if path.suffix in (".parquet", ".zip", ".sqlite") or path.name == "osi_document.json":
            assert path.read_bytes() == (two / path.name).read_bytes(), path.name
    packages = [json.loads((folder / package.FILE).read_text(encoding="utf-8")) for folder in (one, two)]
    assert [each.pop("version") for each in packages] == [one.name, two.name]
    assert packages[0] == packages[1]
    notes = (two / "NOTES.md").read_text(encoding="utf-8")
    assert f"## Changes since {one.name}\n\nNothing: all tables have the same rows.\n" in notes
    quick(data, None, only_changes=True)
    assert (
        capsys.readouterr().out.splitlines()[-1]
        == f"No table changed since {two.name}: there is no new release."
    )
    assert len(list((data / "releases").iterdir())) == 2


def test_zips_have_no_time_of_their_own(simulated: Released) -> None:
    for path in simulated.folder.glob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            [member] = archive.infolist()
        assert member.filename == path.name.removesuffix(".zip")
        assert member.date_time == (1980, 1, 1, 0, 0, 0)


def test_versions_are_ordered_by_day_and_number(tmp_path: Path) -> None:
    names = ["2026-03-02", "2026-03-01-10", "2026-03-01-2", "2026-03-01", ".unfinished", "mine", "2026-03-03"]
    for name in names:
        (tmp_path / name).mkdir()
        if name != "2026-03-03":  # its files are gone
            (tmp_path / name / "dim_seasons.parquet").touch()
    versions = make.versions_in(tmp_path)
    assert versions == ["2026-03-01", "2026-03-01-2", "2026-03-01-10", "2026-03-02"]
    assert make.next_version(versions, date(2026, 3, 1)) == "2026-03-01-11"
    assert make.next_version(versions, date(2026, 3, 2)) == "2026-03-02-2"
    assert make.next_version(versions, date(2026, 3, 4)) == "2026-03-04"


# What goes wrong


def refused(data: Path, *options: str | Path, code: int = 2) -> str:
    """Run the command, which must fail with one line and leave no release. Returns the line."""
    result = run(RELEASE, *options, PITWALL_DATA=data)
    assert result.returncode == code, result.stdout
    line = result.stdout.splitlines()[-1]
    assert "Traceback" not in result.stdout
    assert line.startswith("release: ")
    releases = data / "releases"
    assert not releases.exists() or [path.name for path in releases.iterdir()] == []
    return line.removeprefix("release: ")


def test_without_a_warehouse_nothing_is_made(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert refused(data) == f"{data}/warehouse.duckdb: there is no warehouse yet; run `make build` first"
    assert not data.exists()


def test_a_damaged_warehouse_is_reported(data: Path) -> None:
    (data / "warehouse.duckdb").write_bytes(b"no database" * 1000)
    assert "warehouse.duckdb: cannot be read" in refused(data)


@pytest.mark.parametrize("name", ["manifest.json", "osi_document.json"])
def test_a_missing_file_of_dbt_is_reported(data: Path, name: str) -> None:
    (data / ".build" / "target" / name).unlink()
    line = refused(data)
    assert name in line
    assert "run `make build`, which writes it" in line


def test_a_manifest_of_another_warehouse_is_refused(data: Path) -> None:
    with duckdb.connect(data / "warehouse.duckdb") as connection:
        connection.execute("alter table quality.anomaly_counts rename column anomalies to problems")
    line = refused(data)
    assert line.startswith("quality.anomaly_counts: the warehouse and ")
    assert line.endswith("do not agree about it; run `make build`, which writes both")


def test_a_previous_release_that_is_none_is_refused(data: Path, tmp_path: Path) -> None:
    line = refused(data, "--previous", tmp_path)
    assert line == f"{tmp_path}: is no release, because it has no dim_races.parquet"


@pytest.mark.slow
def test_the_data_folder_can_have_any_name(simulated: Released, tmp_path: Path) -> None:
    data = copy_data(simulated.warehouse, tmp_path / "it's [a] *folder é, 50% $HOME")
    make.release(data, simulated.folder, only_changes=True)
    make.release(data, None)
    assert len(make.versions_in(data / "releases")) == 1
    gc.collect()


def test_a_path_that_duckdb_cannot_write_to_is_refused(simulated: Released, tmp_path: Path) -> None:
    assert "DuckDB cannot write to a path with a question mark" in refused(
        copy_data(simulated.warehouse, tmp_path / "a?b")
    )


def test_another_run_in_the_folder_is_respected(data: Path) -> None:
    (data / ".pitwall").touch()
    with one_at_a_time(data / ".lock"):
        assert "another run is using this folder" in refused(data, code=TEMPORARY)


@pytest.mark.parametrize("room", [*(pytest.param(room, marks=pytest.mark.slow) for room in (0.4, 2, 5)), 8])
def test_a_full_disk_leaves_no_half_of_a_release(
    simulated: Released, quick: Callable[..., None], tmp_path: Path, room: float
) -> None:
    """The disk is full while Parquet, CSV, SQLite or DuckDB is written, and nothing remains of it."""
    with mounted(tmp_path / "disk", "200m") as disk:
        data = copy_data(simulated.warehouse, disk / "data")
        used = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
        remount(disk, f"size={used + int(room * 1e6) + 200_000}")
        line = refused(data)
        assert re.search("No space left|disk is full|Could not write|FATAL", line), line
        remount(disk, "size=200m")
        quick(data, None)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_release_leaves_no_half(
    data: Path, quick: Callable[..., None], how: signal.Signals
) -> None:
    unfinished = data / "releases" / make.UNFINISHED
    command = [sys.executable, str(RELEASE)]
    environment = {**os.environ, "PITWALL_DATA": str(data)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        while not list(unfinished.glob("*.csv.zip")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(how)
        output = process.communicate()[0].decode()
    if how == signal.SIGINT:
        assert (process.returncode, output) == (130, "release: interrupted\n")
        assert list((data / "releases").iterdir()) == []
    else:
        assert unfinished.exists()
    quick(data, None)
    assert not unfinished.exists()
    assert len(make.versions_in(data / "releases")) == 1


# Keys and descriptions


def validate(folder: Path, names: list[str]) -> None:
    """Validate CSVs, and let go of the zips, so that no later test reports them."""
    try:
        package.validate(folder, names)
    finally:
        gc.collect()


def test_the_package_describes_what_the_contracts_declare(simulated: Released) -> None:
    described = json.loads((simulated.folder / package.FILE).read_text(encoding="utf-8"))
    resources = {resource["name"]: resource for resource in described["resources"]}
    for path in (ROOT / "models").rglob("*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            if path.relative_to(ROOT / "models").parts[0] not in ("marts", "quality"):
                continue
            schema = resources.pop(model["name"])["schema"]
            [key] = re.findall(r"Primary\s+key:\s+([^.]+)\.", model["description"])
            assert schema["primaryKey"] == re.findall(r"`(\w+)`", key)
            foreign = {
                each["fields"]: each["reference"]["resource"] for each in schema.get("foreignKeys", [])
            }
            columns = {column["name"]: column for column in model["columns"]}.values()
            for column, field in zip(columns, schema["fields"], strict=True):
                assert field["name"] == column["name"]
                assert field["type"] == package.TYPES[column["data_type"].partition("(")[0]]
                assert field["description"]
                assert "{{" not in field["description"]
                refers = [
                    test["relationships"]["arguments"]["to"]
                    for test in column.get("data_tests", [])
                    if "relationships" in test
                ]
                to_marts = [each for each in refers if each != "ref('anomaly_kinds')"]  # a seed
                assert [f"ref('{foreign[name]}')" for name in foreign if name == column["name"]] == to_marts
    assert resources == {}


@pytest.fixture
def broken(simulated: Released, tmp_path: Path) -> Callable[[str, str, str], str]:
    """Replaces a text in a CSV of a copy, and validates it. Returns what is wrong with it."""
    folder = shutil.copytree(simulated.folder, tmp_path / "copy")

    def replace(name: str, pattern: str, text: str) -> str:
        path = folder / f"{name}.csv.zip"
        with zipfile.ZipFile(path) as archive:
            content = archive.read(f"{name}.csv").decode()
        changed = re.sub(pattern, text, content, count=1)
        assert changed != content
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}.csv", changed)
        try:
            validate(folder, [name])
        except PlainError as error:
            return str(error)
        return ""

    return replace


@pytest.mark.parametrize(
    ("name", "pattern", "text", "reason"),
    [
        ("dim_seasons", r"\n(\d+),", r"\nlast year,", "type is .integer"),
        ("dim_circuits", r"(\n)\d+,(.+\n)(\d+),", r"\g<1>\g<3>,\g<2>\g<3>,", "primary key"),
        ("dim_races", r"(\n\d+,)\d{4},", r"\g<1>1066,", "foreign key"),
        ("dim_circuits", r"\bcircuit_name\b", "circuit", "label"),
    ],
)
def test_the_validation_finds_a_csv_that_is_not_as_described(
    broken: Callable[[str, str, str], str], name: str, pattern: str, text: str, reason: str
) -> None:
    line = broken(name, pattern, text)
    assert f"{name}.csv.zip: is not as datapackage.json describes it: " in line
    assert re.search(reason, line, re.IGNORECASE), line


@pytest.mark.slow
def test_all_tables_are_valid(either: Released) -> None:
    """The command leaves out the long ones."""
    validate(either.folder, [table.name for table in either.tables()])
    assert frictionless.Package(str(either.folder / package.FILE)).to_descriptor()["name"] == "pitwall"


def test_sqlite_has_keys_and_indexes(either: Released) -> None:
    with sqlite3.connect(either.folder / "pitwall.sqlite") as database:
        assert database.execute("pragma foreign_key_check").fetchall() == []
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
        for table in either.tables():
            columns = database.execute(f"pragma table_info({table.name})").fetchall()
            key = [
                name
                for _, name, *_ in sorted((each for each in columns if each[5]), key=lambda each: each[5])
            ]
            assert tuple(key) == table.key
            assert [bool(each[3]) for each in columns] == [column.is_required for column in table.columns]
            foreign = database.execute(f"pragma foreign_key_list({table.name})").fetchall()
            assert {each[3]: (each[2], each[4]) for each in foreign} == table.references
            for name in table.references:
                plan = database.execute(f"explain query plan select 1 from {table.name} where {name} = 1")
                assert "SEARCH" in plan.fetchall()[0][3], f"{table.name}.{name} has no index"
            [(sql,)] = database.execute(
                "select sql from sqlite_master where name = ?", [table.name]
            ).fetchall()
            assert f"-- {' '.join(table.description.split())}\n" in sql


def test_a_decimal_that_sqlite_would_round_is_refused() -> None:
    assert sqlite_file.as_sqlite(Column("points", "decimal(15, 2)", "", True)) == 'cast("points" as double)'
    with pytest.raises(PlainError, match=r"points: decimal\(16, 2\) has more than 15 digits"):
        sqlite_file.as_sqlite(Column("points", "decimal(16, 2)", "", True))


def test_the_semantic_models_fit_the_duckdb_file(simulated: Released) -> None:
    """Each dataset is a table, and each of its expressions runs on it."""
    document = json.loads((simulated.folder / "osi_document.json").read_text(encoding="utf-8"))
    expressions = 0
    with duckdb.connect() as connection:
        connection.execute(f"attach '{simulated.folder / 'pitwall.duckdb'}' as warehouse (read_only)")
        for model in document["semantic_model"]:
            for dataset in model["datasets"]:
                for field in dataset["fields"]:
                    for dialect in field["expression"]["dialects"]:
                        connection.execute(f"select {dialect['expression']} from {dataset['source']} limit 0")
                        expressions += 1
    assert expressions > 50


def test_the_file_says_where_the_data_come_from(either: Released, request: pytest.FixtureRequest) -> None:
    text = (either.folder / "ATTRIBUTION.md").read_text(encoding="utf-8")
    is_simulated = "simulated" in request.node.callspec.id
    assert text == attribution.attribution(is_simulated=is_simulated)
    assert ("This championship is simulated" in text) == is_simulated
    for part in ("labelled CC0 by its archivist", "allowed non-commercial use", "belong to their owners"):
        assert (part in text) != is_simulated
    contents = "simulated seasons 2021 to 2025" if is_simulated else "results from 1950 to 5 October 2025"
    assert f"Contents: {contents}.\n" in (either.folder / "NOTES.md").read_text(encoding="utf-8")


# What changed


def change_warehouse(data: Path, *statements: str) -> None:
    with duckdb.connect(data / "warehouse.duckdb") as connection:
        for statement in statements:
            connection.execute(statement)


def test_the_notes_say_what_changed(simulated: Released, data: Path, quick: Callable[..., None]) -> None:
    """The last release lacks the last race and a table, has other points, and a result that is gone now."""
    with simulated.connect() as connection:
        race, *_ = connection.execute(
            "select race_id, season || ' ' || race_name from warehouse.marts.dim_races where is_held "
            "order by race_date desc limit 1"
        ).fetchall()
        [winner] = connection.execute(
            "select result_id, driver_name, points, position_text, season || ' ' || race_name, race_id "
            "from warehouse.marts.fct_race_results where is_win order by race_date limit 1"
        ).fetchall()
        [(results,)] = connection.execute(
            "select count(*) from warehouse.marts.fct_race_results where race_id = ?", [race[0]]
        ).fetchall()
    # A race that is only in the calendar is no new race.
    change_warehouse(data, f"update marts.dim_races set is_held = false where race_id = {winner[5]}")
    previous = data.parent / "previous"
    shutil.copytree(simulated.folder, previous)
    with duckdb.connect() as connection:

        def rewrite(name: str, query: str) -> None:
            path = previous / f"{name}.parquet"
            connection.execute(f"create or replace table old as from '{path}'")
            connection.execute(f"copy ({query}) to '{path}' (format parquet)")

        rewrite(
            "dim_races",
            f"select * replace (is_held and race_id <> {race[0]} as is_held) from old "
            f"where race_id <> {winner[5]}",
        )
        rewrite(
            "fct_race_results",
            f"select * replace (if(result_id = {winner[0]}, 1, points)::decimal(8, 2) as points, "
            f"if(result_id = {winner[0]}, 'R', position_text) as position_text) from old "
            f"where race_id <> {race[0]} union all by name "
            "select * replace (999999 as result_id, 'Nobody' as driver_name) from old "
            f"where result_id = {winner[0]}",
        )
        rewrite("dim_circuits", "select * exclude (circuit_name), 1 as laps from old")
        connection.execute(f"copy (select 1 as one) to '{previous}/fct_lost.parquet' (format parquet)")
    (previous / "dim_statuses.parquet").unlink()
    quick(data, previous, only_changes=True)
    [name] = make.versions_in(data / "releases")
    notes = (data / "releases" / name / "NOTES.md").read_text(encoding="utf-8")
    assert "## Changes since previous\n" in notes
    assert f"New races: {race[1]}.\n" in notes
    assert "No longer there: `fct_lost`.\n" in notes
    for line in (
        f"| {winner[4]} | race | {winner[1]} | points | 1.00 | {winner[2]} |",
        f"| {winner[4]} | race | {winner[1]} | position_text | R | {winner[3]} |",
        f"| {winner[4]} | race | Nobody | result | a result | no result |",
    ):
        assert line in notes
    assert notes.count(" | race | ") == 3
    [row] = re.findall(r"\| `fct_race_results` \| [\d,]+ \| (\d+) \| (\d+) \| (\d+) \|  \|", notes)
    assert row == (str(results), "1", "1")
    assert re.search(r"\| `dim_races` \| \d+ \| 1 \| 0 \| 1 \|  \|", notes)
    assert re.search(r"\| `dim_statuses` \| \d+ \|  \|  \|  \| new table \|", notes)
    assert re.search(
        r"\| `dim_circuits` \| \d+ \| 0 \| 0 \| 0 \| new column `circuit_name`, without `laps` \|", notes
    )
    assert re.search(r"\| `dim_seasons` \| 5 \| 0 \| 0 \| 0 \|  \|", notes)


def test_releases_of_different_championships_are_not_compared(simulated: Released, tmp_path: Path) -> None:
    previous = shutil.copytree(simulated.folder, tmp_path / "2020-01-01")
    seasons = previous / "dim_seasons.parquet"
    real = pl.read_parquet(seasons, glob=False).with_columns(
        wikipedia_url=pl.lit("https://en.wikipedia.org/")
    )
    real.write_parquet(seasons)
    changes = find_changes(simulated.tables(), simulated.folder, previous)
    assert not changes.is_nothing
    text = render("2020-01-02", "anything", changes, [])
    assert "Not compared with the release 2020-01-01. One of the two has real results" in text
    assert "New races" not in text
    assert "| table | rows |\n" in text


def test_another_primary_key_is_reported(simulated: Released, tmp_path: Path) -> None:
    previous = shutil.copytree(simulated.folder, tmp_path / "last")
    path = previous / "fct_pit_stops.parquet"
    pl.read_parquet(path, glob=False).drop("stop_number").write_parquet(path)
    changes = find_changes(simulated.tables(), simulated.folder, previous)
    [stops] = [table for table in changes.tables if table.name == "fct_pit_stops"]
    assert stops.remark == "new column `stop_number`; other primary key, so rows are not compared"
    assert (stops.added, changes.is_nothing) == (None, False)


def test_long_lists_of_revised_results_are_cut() -> None:
    revised = [("2025 Race", "race", f"Driver {number}", "points", "1", "2") for number in range(LISTED + 1)]
    changes = Changes("2025-01-01", [TableChange("t", 1, 0, 0, 1)], revised=revised)
    text = render("2025-01-02", "anything", changes, [])
    assert f"These are the first {LISTED} of {LISTED + 1}.\n" in text
    assert text.count("| race | Driver ") == LISTED


# The page and the workflow


def blocks(language: str) -> list[str]:
    """The examples of the page in a language."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", text)


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_the_python_on_the_page_runs(simulated: Released, number: int) -> None:
    code = f"import warnings; warnings.simplefilter('error')\n{blocks('python')[number]}"
    assert must_run(sys.executable, "-c", code, cwd=simulated.folder).strip() not in ("", "[]")


def test_the_sql_on_the_page_runs(simulated: Released, tmp_path: Path) -> None:
    of_duckdb, about_comments, over_http, of_sqlite = blocks("sql")
    folder = simulated.folder
    with duckdb.connect() as connection:
        local = of_duckdb.replace("'pitwall.duckdb'", f"'{folder / 'pitwall.duckdb'}'")
        assert len(connection.execute(local).fetchall()) == 5
        for statement in about_comments.split(";")[:2]:
            rows = connection.execute(statement).fetchall()
            assert rows
            assert all(row[-1] for row in rows)
    assert "'https://example.org/pitwall.duckdb'" in over_http  # its statement is tested above
    with sqlite3.connect(":memory:") as database:
        attached, query, _ = of_sqlite.split(";")
        database.execute(attached.replace("'pitwall.sqlite'", f"'{folder / 'pitwall.sqlite'}'"))
        assert len(database.execute(query).fetchall()) == 5


def test_the_questions_of_the_readme_run_on_the_file(simulated: Released) -> None:
    questions = re.findall(r"```sql\n(.+?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(questions) >= 3
    with duckdb.connect() as connection:
        connection.execute(f"attach '{simulated.folder / 'pitwall.duckdb'}' as pitwall (read_only)")
        connection.execute("use pitwall")
        for sql in questions:
            connection.execute(sql).fetchall()


def steps() -> dict[str, str]:
    """The shell of each step of the workflow, by name."""
    [job] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"].values()
    return {step["name"]: step["run"] for step in job["steps"] if "run" in step}


@pytest.mark.slow
def test_the_workflow_publishes_what_changed_and_nothing_else(
    data: Path, quick: Callable[..., None], tmp_path: Path
) -> None:
    """With a stand-in for gh, whose last release has the files of the first run."""
    published = tmp_path / "published"
    published.mkdir()
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text(
        "#!/bin/sh\n"
        'echo "$2 $3" >> "$CALLS"\n'
        'case "$2" in\n'
        "list) ls -r \"$PUBLISHED\" | grep '^data-' | head -n 1 ;;\n"
        'download) mkdir -p "$7"; cp "$PUBLISHED/$3"/*.parquet "$7" ;;\n'
        'create) mkdir "$PUBLISHED/$3"\n'
        'for file; do [ ! -f "$file" ] || cp "$file" "$PUBLISHED/$3"; done ;;\n'
        "esac\n",
        encoding="utf-8",
    )
    gh.chmod(0o755)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    shutil.move(data, checkout / "data")
    places = {"PUBLISHED": published, "CALLS": tmp_path / "calls"}
    places["PATH"] = f"{gh.parent}:{os.environ['PATH']}"  # type: ignore[assignment]
    download, make_it, publish = list(steps().values())[-3:]
    assert make_it == "make release ONLY_CHANGES=1"

    def week() -> list[str]:
        """One run on a new machine. Returns what it asked gh to do."""
        shutil.rmtree(checkout / "data" / "releases", ignore_errors=True)
        (tmp_path / "calls").unlink(missing_ok=True)
        must_run("bash", "-ec", download, cwd=checkout, **places)
        quick(checkout / "data", None, only_changes=True)
        must_run("bash", "-ec", publish, cwd=checkout, **places)
        return [line.split()[0] for line in (tmp_path / "calls").read_text().splitlines()]

    assert week() == ["list", "create"]
    [first] = published.iterdir()
    assert re.fullmatch(r"data-\d{4}-\d\d-\d\d", first.name)
    assert week() == ["list", "download"]
    change_warehouse(checkout / "data", "update marts.dim_seasons set races_scheduled = 1")
    assert week() == ["list", "download", "create"]
    assert sorted(path.name for path in published.iterdir()) == [first.name, f"{first.name}-2"]


def test_the_workflow_runs_make_with_the_downloaded_archive() -> None:
    runs = list(steps().values())
    assert runs[0].startswith("make data")
    assert runs[1].endswith("RAW=data/raw/ergast.zip")
    text, checked = (
        WORKFLOW.read_text(encoding="utf-8"),
        (WORKFLOW.parent / "ci.yml").read_text(encoding="utf-8"),
    )
    used = re.findall(r"uses: (\S+@\S+)", text)
    assert len(used) == 2
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", each) and each in checked for each in used)
