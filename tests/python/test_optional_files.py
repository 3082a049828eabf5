"""The converter reads more files of the archive: safety cars and the like. Any of them may be missing."""

import csv
import json
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import csv_to_parquet
from pitwall.raw.checksums import FILE, part_checksums
from pitwall.raw.schema import OPTIONAL_SOURCES, raw_tables, read_tables
from pitwall.warehouse.changes import optional_tables, source_of

OPTIONAL = read_tables(OPTIONAL_SOURCES)
BOM = "\ufeff"
FILES = {
    "safety_cars.csv": "Race,Cause,Deployed,Retreated,FullLaps\n"
    "2021 Spa Grand Prix,Rain,1,,2\n2021 Monza Grand Prix,Accident,33,39.0,5\n2022 Monza Grand Prix,,4,9,4\n",
    "red_flags.csv": "Race,Lap,Resumed,Incident,Excluded\n"
    '2021 Monza Grand Prix,9,R,"Crash of A, B and C.",A\n2021 Monza Grand Prix,9,R,Rain.,\n',
    "virtual_safety_car_estimates.json": '{\n "2021 Monza Grand Prix": [\n  3,\n  4\n ],\n '
    '"2022 São Paulo": [7]\n}\n',
    "fatal_accidents_drivers.csv": f"{BOM}Driver,Age,Date Of Accident,Event,Car,Session\n"
    "Ann Arrow,29,6/18/52,N/A,ERA,Test\nBo Bolt,,10/5/14,2014 Suzuka Grand Prix,March,Race\n",
    "fatal_accidents_marshalls.csv": f"{BOM}Name,Age,Date Of Accident,Event\n"
    "Cy Crane,38,9/10/00,2000 Monza Grand Prix\n",
}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A folder with all files of the archive. Those that must be there have no rows."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for table in raw_tables():
        if not table.is_optional:
            header = ",".join(column.name for column in table.columns)
            (folder / table.file).write_text(f"{header}\n", encoding="utf-8")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def convert(raw: Path, data: Path, *options: str) -> int:
    return csv_to_parquet.main([str(raw), "--data", str(data), *options])


def rows(data: Path, table: str) -> list[tuple[object, ...]]:
    return pl.read_parquet(data / "parquet" / f"{table}.parquet").rows()


def test_the_five_files_are_declared_and_optional() -> None:
    assert {table.file for table in OPTIONAL} == set(FILES)
    assert all(table.is_optional for table in OPTIONAL)
    assert optional_tables() == [table.name for table in OPTIONAL]
    assert (source_of("red_flags"), source_of("results")) == ("racedata", "ergast")
    assert not any(table.is_optional for table in raw_tables()[: -len(OPTIONAL)])


@pytest.mark.parametrize("kind", ["folder", "data folder", "zip"])
def test_all_files_are_converted(
    raw: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = raw
    if kind == "data folder":
        given = tmp_path / "archive"
        given.mkdir()
        raw.rename(given / "data")
    if kind == "zip":
        given = tmp_path / "data.zip"
        with zipfile.ZipFile(given, "w") as archive:
            for path in raw.iterdir():
                archive.write(path, f"data/{path.name}")
    assert convert(given, tmp_path / "out") == 0
    assert "19 tables" in capsys.readouterr().out
    data = tmp_path / "out"
    assert rows(data, "safety_cars") == [
        ("2021 Spa Grand Prix", "Rain", 1, None, 2),
        ("2021 Monza Grand Prix", "Accident", 33, 39, 5),
        ("2022 Monza Grand Prix", None, 4, 9, 4),
    ]
    assert rows(data, "red_flags") == [
        ("2021 Monza Grand Prix", 9, "R", "Crash of A, B and C.", "A"),
        ("2021 Monza Grand Prix", 9, "R", "Rain.", None),
    ]
    assert rows(data, "virtual_safety_car_estimates") == [
        ("2021 Monza Grand Prix", 3),
        ("2021 Monza Grand Prix", 4),
        ("2022 São Paulo", 7),
    ]
    assert rows(data, "fatal_accidents_drivers") == [
        ("Ann Arrow", 29, date(1952, 6, 18), "N/A", "ERA", "Test"),
        ("Bo Bolt", None, date(2014, 10, 5), "2014 Suzuka Grand Prix", "March", "Race"),
    ]
    assert rows(data, "fatal_accidents_marshalls") == [
        ("Cy Crane", 38, date(2000, 9, 10), "2000 Monza Grand Prix"),
    ]


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_an_empty_table(
    raw: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (raw / name).unlink()
    data = tmp_path / "out"
    assert convert(raw, data) == 0
    out, error = capsys.readouterr()
    assert error == "", "nothing alarming"
    [table] = [table for table in OPTIONAL if table.file == name]
    [line] = [line for line in out.splitlines() if line.startswith(f"{table.name} ")]
    assert line.endswith("no file")
    frame = pl.read_parquet(data / "parquet" / f"{table.name}.parquet")
    assert dict(frame.schema) == {column.name: column.dtype for column in table.columns}
    assert frame.height == 0
    manifest = pl.read_parquet(data / "parquet" / "load_manifest.parquet").filter(table_name=table.name)
    assert manifest["source_name"].to_list() == [""]
    assert manifest["rows_read"].to_list() == [0]

    first = manifest["converted_at"].item()
    assert convert(raw, data) == 0
    manifest = pl.read_parquet(data / "parquet" / "load_manifest.parquet").filter(table_name=table.name)
    assert manifest["converted_at"].item() == first, "still missing: nothing changed"

    (raw / name).write_text(FILES[name], encoding="utf-8")
    assert convert(raw, data) == 0
    assert rows(data, table.name)


def test_a_table_of_ergast_must_be_there(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (raw / "races.csv").unlink()
    assert convert(raw, tmp_path / "out") == 2
    assert "no races.csv in it" in capsys.readouterr().err


def test_files_are_looked_for_beside_those_that_must_be_there(raw: Path, tmp_path: Path) -> None:
    """A file with the name of an optional one, in the folder above, does not hide the archive."""
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "red_flags.csv").write_text("something else", encoding="utf-8")
    raw.rename(archive / "data")
    assert convert(archive, tmp_path / "out") == 0
    assert len(rows(tmp_path / "out", "red_flags")) == 2


UNFIT = {
    "a lap of text": ('{\n "a": [1,\n "x"]}', "3", "lap", "x", "not a valid integer"),
    "half a lap": ('{"a": [1, 2.5]}', "1", "lap", "2.5", "not a valid integer"),
    "no lap": ('{"a":\n\n[1, null]}', "3", "lap", "", "the key is NULL"),
    "no race": ('{"": [3]}', "1", "race", "", "the key is NULL"),
    "a lap twice": ('{"a": [1,\n2, 1]}', "2", "race, lap", "a, 1", "repeats the key of an earlier row"),
    "laps of laps": ('{"a": [[1]]}', "1", "lap", "[1]", "not a valid integer"),
    "no list": ('{\n"a": {"lap": 1}}', "2", "lap", '{"lap": 1}', "not a valid integer"),
}


@pytest.mark.parametrize("case", sorted(UNFIT))
def test_unfit_entries_of_the_json_are_set_aside_with_their_line(
    raw: Path, tmp_path: Path, case: str
) -> None:
    text, line, column, value, reason = UNFIT[case]
    (raw / "virtual_safety_car_estimates.json").write_text(text, encoding="utf-8")
    data = tmp_path / "out"
    assert convert(raw, data) == 2
    assert convert(raw, data, "--max-bad-rows", "1") == 0
    path = data / "quarantine" / "virtual_safety_car_estimates.csv"
    with path.open(encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["file"], row["line"]) == ("virtual_safety_car_estimates.json", line)
    assert (row["column"], row["value"], row["reason"]) == (column, value, reason)
    kept = len(rows(data, "virtual_safety_car_estimates"))
    assert kept == sum(len(laps) if isinstance(laps, list) else 1 for laps in json.loads(text).values()) - 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON from line 1 on: Expecting value"),
        ('{\n"a": [1,]}', "not JSON from line 2 on: "),
        ('{"a": [1]} x', "not JSON from line 1 on: Extra data"),
        ("[1]", "not an object of races, each with a list of laps"),
        ("[" * 100_000, "not an object of races, each with a list of laps"),
        ('{"a": [1]}'.encode("utf-16"), "UTF-16"),
        (b'{"\xe9": [1]}', "line 1 is not UTF-8 text"),
    ],
)
def test_unreadable_json_is_refused_in_one_line(
    raw: Path, tmp_path: Path, text: str | bytes, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = raw / "virtual_safety_car_estimates.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert convert(raw, tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert error.startswith("csv_to_parquet: virtual_safety_car_estimates.json: ")
    assert error.count("\n") == 1
    assert reason in error
    assert not (tmp_path / "out" / "parquet").exists()


@pytest.mark.parametrize("day", ["13/1/52", "2/30/52", "1952-06-18", "6/18/1952", "6-18-52", "x"])
def test_a_date_must_be_a_us_date_with_two_digits(raw: Path, tmp_path: Path, day: str) -> None:
    text = FILES["fatal_accidents_drivers.csv"].replace("6/18/52", day)
    (raw / "fatal_accidents_drivers.csv").write_text(text, encoding="utf-8")
    assert convert(raw, tmp_path / "out", "--max-bad-rows", "1") == 0
    assert [row[0] for row in rows(tmp_path / "out", "fatal_accidents_drivers")] == ["Bo Bolt"]


@pytest.mark.parametrize(("year", "season"), [("50", 1950), ("99", 1999), ("00", 2000), ("49", 2049)])
def test_two_digits_are_a_year_of_the_championship(raw: Path, tmp_path: Path, year: str, season: int) -> None:
    text = FILES["fatal_accidents_marshalls.csv"].replace("9/10/00", f"9/10/{year}")
    (raw / "fatal_accidents_marshalls.csv").write_text(text, encoding="utf-8")
    assert convert(raw, tmp_path / "out") == 0
    assert rows(tmp_path / "out", "fatal_accidents_marshalls")[0][2] == date(season, 9, 10)


@pytest.mark.parametrize("lap", ["39.5", "x", "3 9"])
def test_a_lap_is_a_whole_number(raw: Path, tmp_path: Path, lap: str) -> None:
    (raw / "safety_cars.csv").write_text(FILES["safety_cars.csv"].replace("39.0", lap), encoding="utf-8")
    assert convert(raw, tmp_path / "out", "--max-bad-rows", "1") == 0
    assert len(rows(tmp_path / "out", "safety_cars")) == 2


def test_checksums_are_by_season(raw: Path, tmp_path: Path) -> None:
    text = FILES["safety_cars.csv"] + "Monza Grand Prix,Rain,3,4,0\n"
    (raw / "safety_cars.csv").write_text(text, encoding="utf-8")
    assert convert(raw, tmp_path / "out") == 0
    checksums = pl.read_parquet(tmp_path / "out" / "parquet" / FILE)
    parts = {
        table.name: checksums.filter(table_name=table.name)["part"].sort().to_list() for table in OPTIONAL
    }
    assert parts == {
        "fatal_accidents_drivers": [1952, 2014],
        "fatal_accidents_marshalls": [2000],
        "red_flags": [2021],
        "safety_cars": [0, 2021, 2022],
        "virtual_safety_car_estimates": [2021, 2022],
    }
    [table] = [table for table in OPTIONAL if table.name == "safety_cars"]
    before = part_checksums(table, tmp_path / "out" / "parquet" / "safety_cars.parquet")
    (raw / "safety_cars.csv").write_text(text.replace("39.0", "40.0"), encoding="utf-8")
    assert convert(raw, tmp_path / "out") == 0
    after = part_checksums(table, tmp_path / "out" / "parquet" / "safety_cars.parquet")
    changed = after.join(before, on=["part", "checksum"], how="anti")
    assert changed["part"].to_list() == [2021]


def test_the_real_files_are_converted_whole(real_files: Path, tmp_path: Path) -> None:
    if not (real_files / "safety_cars.csv").exists():
        pytest.skip("no real data: the folder racedata is not beside that of the real CSVs")
    assert convert(real_files, tmp_path / "out") == 0
    counts = {table.name: len(rows(tmp_path / "out", table.name)) for table in OPTIONAL}
    assert counts == {
        "fatal_accidents_drivers": 51,
        "fatal_accidents_marshalls": 5,
        "red_flags": 98,
        "safety_cars": 362,
        "virtual_safety_car_estimates": 214,
    }
