"""scripts/convert_input.py: what a build without RAW reads. It replaces no real data by simulated ones."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from conftest import SCRIPTS, run

from pitwall.raw.origin import describe, is_simulated, read_origin


class Input:
    """A data folder, and the command."""

    def __init__(self, data: Path) -> None:
        self.data, self.parquet = data, data / "parquet"

    def convert(self, *arguments: str | Path, **environment: str) -> str:
        """Run the command, which must succeed. Returns its output."""
        result = run(SCRIPTS / "convert_input.py", *arguments, PITWALL_DATA=self.data, **environment)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def refused(self, *arguments: str | Path) -> str:
        """Run the command, which must be refused. Returns the one line that it prints."""
        result = run(SCRIPTS / "convert_input.py", *arguments, PITWALL_DATA=self.data)
        assert result.returncode == 2, result.stdout
        assert result.stdout.count("\n") == 1
        return result.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Input:
    return Input(tmp_path / "data")


@pytest.fixture
def real(one_season: Path, tmp_path: Path) -> Path:
    """A folder of files that stand for real ones: pages at another address than those of the simulator."""
    raw = tmp_path / "real"
    shutil.copytree(one_season / "raw", raw)
    for path in raw.glob("*.csv"):
        path.write_text(
            path.read_text(encoding="utf-8").replace("example.org", "example.com"), encoding="utf-8"
        )
    return raw


def test_without_data_a_championship_is_simulated(folder: Input) -> None:
    folder.convert()
    assert is_simulated(folder.parquet)
    assert describe(folder.parquet) == "simulated seasons 2021 to 2025"
    assert read_origin(folder.parquet) == str(folder.data / "raw" / "simulated")
    assert "simulated" in folder.convert(), "again"


def test_real_data_are_never_replaced_by_simulated_ones(folder: Input, real: Path) -> None:
    folder.convert(real)
    assert not is_simulated(folder.parquet)
    output = folder.convert()
    assert "Simulated" not in output
    assert read_origin(folder.parquet) == str(real)
    assert describe(folder.parquet).startswith("real files to ")
    with (real / "status.csv").open("a", encoding="utf-8") as file:
        file.write('999,"New"\n')
    folder.convert()
    statuses = duckdb.sql(f"select count(*) from '{folder.parquet}/status.parquet' where status_id = 999")
    assert statuses.fetchall() == [(1,)], "the input of the last build is read again"


def test_converted_data_stay_if_their_input_is_gone(folder: Input, real: Path) -> None:
    folder.convert(real)
    before = (folder.parquet / "results.parquet").read_bytes()
    shutil.rmtree(real)
    output = folder.convert()
    assert f"{real} cannot be converted again; the converted data stay: real files to" in output
    assert (folder.parquet / "results.parquet").read_bytes() == before


def test_a_damaged_record_of_the_input_is_printed_without_control_characters(
    folder: Input, real: Path
) -> None:
    folder.convert(real)
    (folder.parquet / "origin.txt").write_bytes(b"a\0b\n\x1b[31mc\xff")
    assert folder.convert().startswith("a?b ?[31mc? cannot be converted again; the converted data stay")


def test_data_of_an_earlier_version_stay(folder: Input, real: Path) -> None:
    folder.convert(real)
    (folder.parquet / "origin.txt").unlink()
    assert "the input of the last build cannot be converted again" in folder.convert()
    assert not is_simulated(folder.parquet)


@pytest.mark.parametrize("warehouse", ["warehouse.duckdb", "spark/current"])
def test_a_warehouse_without_its_data_is_not_replaced(folder: Input, real: Path, warehouse: str) -> None:
    folder.convert(real)
    (folder.data / warehouse).parent.mkdir(exist_ok=True)
    (folder.data / warehouse).touch()
    shutil.rmtree(folder.parquet)
    assert f"{warehouse}: exists, but the data that it was built from are gone" in folder.refused()


def test_the_empty_file_that_dbt_leaves_without_data_is_no_warehouse(folder: Input) -> None:
    folder.data.mkdir()
    duckdb.connect(folder.data / "warehouse.duckdb").close()
    assert "Simulated 2021 to 2025" in folder.convert()


def test_rows_that_were_set_aside_are_accepted_again(folder: Input, real: Path) -> None:
    with (real / "status.csv").open("a", encoding="utf-8") as file:
        file.write('many,"No number"\n')
    folder.convert("--max-bad-rows=1", real)
    assert "1 set aside" in folder.convert()


def test_without_raw_the_command_itself_imports_no_large_package(folder: Input, real: Path) -> None:
    """The command that converts imports Polars, and that is most of the time of a build without new data."""
    folder.convert(real)
    (folder.data / "warehouse.duckdb").touch()
    command = [sys.executable, "-X", "importtime", SCRIPTS / "convert_input.py"]
    environment = {**os.environ, "PITWALL_DATA": str(folder.data)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "pitwall.raw.origin" in imported
    assert not imported & {"polars", "duckdb", "numpy"}


@pytest.mark.parametrize("raw", ["", " "])
def test_an_empty_raw_is_refused(folder: Input, raw: str) -> None:
    assert "RAW is empty" in folder.refused(raw)
    assert not folder.data.exists()


def test_options_are_not_taken_from_raw(folder: Input) -> None:
    assert "--help: no such folder or zip" in folder.refused("--", "--help")
    assert "'x;y' is not a whole number from 0 on" in folder.refused("--max-bad-rows=x;y")


def test_a_lake_is_not_overwritten_with_simulated_data(folder: Input) -> None:
    assert folder.convert(PITWALL_LAKE="s3://bucket/prefix") == ""
    assert not folder.data.exists()


def test_simulated_data_replace_a_warehouse_of_real_ones_only_on_request(
    simulated_warehouse: Path, fake_dbt: Callable[[str], Path], folder: Input
) -> None:
    """The command that builds has the same rule: other engines have warehouses in other places."""
    data = folder.data
    data.mkdir()
    shutil.copy(simulated_warehouse, data / "warehouse.duckdb")
    raw = simulated_warehouse.parent / "raw"
    with duckdb.connect(data / "warehouse.duckdb") as connection:
        connection.execute(
            "create or replace table marts.dim_seasons as "
            "select * replace (replace(wikipedia_url, 'example.org', 'example.com') as wikipedia_url) "
            "from marts.dim_seasons"
        )
        connection.execute("drop schema build cascade")
    before = (data / "warehouse.duckdb").stat()
    assert run(SCRIPTS / "csv_to_parquet.py", raw, PITWALL_DATA=data).returncode == 0
    result = run(SCRIPTS / "build.py", PITWALL_DATA=data)
    assert result.returncode == 2
    assert "has real results, and the data in" in result.stdout
    after = (data / "warehouse.duckdb").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    # On request dbt starts; here it is a stand-in that fails.
    fake = fake_dbt("def cli(): return 7")
    result = run(SCRIPTS / "build.py", "--may-simulate", PITWALL_DATA=data, PYTHONPATH=fake)
    assert "dbt build failed (exit code 7)" in result.stdout


def test_a_named_pipe_in_place_of_a_file_hangs_nothing(folder: Input) -> None:
    folder.convert()
    (folder.data / "dbt.py").touch()  # a dbt that cannot be called, should the build get so far
    for name in ("load_manifest.parquet", "origin.txt", "checksums.parquet", "seasons.parquet"):
        (folder.parquet / name).unlink()
        os.mkfifo(folder.parquet / name)
        for script, code in (("build.py", 2), ("convert_input.py", 0)):
            result = run(SCRIPTS / script, PITWALL_DATA=folder.data, PYTHONPATH=folder.data)
            assert result.returncode == code, result.stdout
            assert "Traceback" not in result.stdout
        assert (folder.parquet / name).is_file(), "the next conversion writes it again"


def test_named_pipes_are_no_data(tmp_path: Path) -> None:
    for name in ("seasons", "races", "results"):
        os.mkfifo(tmp_path / f"{name}.parquet")
    code = (
        "import sys, pathlib; from pitwall.raw.origin import describe, is_simulated; "
        "data = pathlib.Path(sys.argv[1]); print(describe(data), is_simulated(data))"
    )
    output = subprocess.check_output(
        [sys.executable, "-c", code, tmp_path], cwd=SCRIPTS, text=True, timeout=60
    )
    assert output == "files without results False\n"
