"""csv_to_parquet.py: the input that it accepts, sets aside and refuses. A run changes all or nothing."""

import contextlib
import csv
import fcntl
import http.server
import io
import os
import random
import re
import socket
import stat
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from conftest import run

import csv_to_parquet
from pitwall.command import TEMPORARY, PlainError
from pitwall.raw import account, careful, plain, unzip
from pitwall.raw import keys as key_checks
from pitwall.raw import schema as raw_schema

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "csv_to_parquet.py"

SCHEMA = """
sources:
  - name: small
    tables:
      - name: races
        config: {meta: {primary_key: [race_id]}}
        columns:
          - {name: race_id, data_type: integer}
          - {name: name, data_type: string}
          - {name: date, data_type: date}
          - {name: top_points, data_type: "decimal(6,2)"}
      - name: laps
        config: {meta: {primary_key: [race_id, lap]}}
        columns:
          - {name: race_id, data_type: integer}
          - {name: lap, data_type: integer}
          - {name: milliseconds, data_type: bigint}
"""
HEADER = "raceId,name,date,topPoints\n"
RACES = HEADER + '1,"Monza",2021-09-12,26\n2,Spa,"2021-08-29",12.50\n'
LAPS = "raceId,lap,milliseconds\n1,1,90000\n1,2,89000\n2,1,5000000000\n"

IN_DATA = [".lock", ".pitwall", "parquet", "quarantine"]  # of a data folder that was only converted into


@dataclass
class Converter:
    """Runs the script on a raw folder and a data folder."""

    raw: Path
    data: Path
    schema: Path
    capture: pytest.CaptureFixture[str]

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.raw / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run(self, *options: str, raw: str | Path | None = None) -> tuple[int, str, str]:
        """Run the script. Returns the exit code, stdout and stderr."""
        self.capture.readouterr()
        arguments = [str(raw or self.raw), "--data", str(self.data), "--schema", str(self.schema), *options]
        code = csv_to_parquet.main(arguments)
        return code, *self.capture.readouterr()

    def table(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.data / "parquet" / f"{name}.parquet")

    def manifest(self, name: str) -> dict:
        return self.table("load_manifest").filter(pl.col("table_name") == name).to_dicts()[0]

    def quarantine(self, name: str, folder: str = "quarantine") -> list[dict[str, str]]:
        with (self.data / folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def snapshot(self) -> dict[str, bytes | None]:
        """Every folder and file of the data folder with its content, without the lock file."""
        paths = (path for path in sorted(self.data.rglob("*")) if path.name not in (".lock", ".pitwall"))
        return {str(path): path.read_bytes() if path.is_file() else None for path in paths}

    def refuses(self, *words: str, raw: str | Path | None = None, code: int = 2) -> str:
        """Assert the exit code, one plain line with these words, and no change. Returns the line."""
        before = self.snapshot()
        returned, _, error = self.run(raw=raw)
        assert returned == code
        assert error.startswith("csv_to_parquet: ")
        assert error.count("\n") == 1
        assert "Traceback" not in error
        for word in words:
            assert word in error
        assert self.snapshot() == before
        return error


@pytest.fixture
def converter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Converter:
    """Two good tables that are not yet converted."""
    (tmp_path / "raw").mkdir()
    schema = tmp_path / "sources.yml"
    schema.write_text(SCHEMA)
    converter = Converter(tmp_path / "raw", tmp_path / "data", schema, capsys)
    converter.write("races.csv", RACES)
    converter.write("laps.csv", LAPS)
    return converter


@pytest.fixture
def loaded(converter: Converter) -> Converter:
    """The same tables, converted once: a failed run must keep their Parquet."""
    assert converter.run()[0] == 0
    return converter


# --- the output -----------------------------------------------------------------------------------------


def test_values_types_and_columns_are_those_declared(loaded: Converter) -> None:
    races = loaded.table("races")
    assert races.schema == {
        "race_id": pl.Int32(),
        "name": pl.String(),
        "date": pl.Date(),
        "top_points": pl.Decimal(6, 2),
    }
    assert races.rows() == [
        (1, "Monza", date(2021, 9, 12), Decimal("26.00")),
        (2, "Spa", date(2021, 8, 29), Decimal("12.50")),
    ]
    assert loaded.table("laps")["milliseconds"].to_list() == [90000, 89000, 5_000_000_000]


def test_output_is_one_line_per_table_and_a_summary(converter: Converter) -> None:
    code, out, error = converter.run()
    assert (code, error) == (0, "")
    lines = out.splitlines()
    assert re.fullmatch(r"races +2 rows +[\d.]+ kB +[\d.]+ s", lines[0])
    assert re.fullmatch(r"laps +3 rows +[\d.]+ kB +[\d.]+ s", lines[1])
    assert re.fullmatch(r"2 tables, 5 rows, none set aside, [\d.]+ s: .*/data/parquet", lines[2])
    assert len(lines) == 3


def test_manifest_has_the_declared_columns_and_true_counts(loaded: Converter) -> None:
    declared = raw_schema.read_tables(raw_schema.MANIFEST_SOURCES)[0].columns
    assert loaded.table("load_manifest").schema == {column.name: column.dtype for column in declared}
    row = loaded.manifest("races")
    assert row["source_name"] == "races.csv"
    assert (row["rows_read"], row["rows_converted"], row["rows_quarantined"]) == (2, 2, 0)
    assert row["source_bytes"] == len(RACES)
    assert row["parquet_bytes"] == (loaded.data / "parquet" / "races.parquet").stat().st_size
    assert row["converted_at"] == row["checked_at"]


def test_data_folder_holds_nothing_else(loaded: Converter) -> None:
    assert sorted(path.name for path in loaded.data.iterdir()) == [
        ".lock",
        ".pitwall",
        "parquet",
        "quarantine",
    ]


# --- what is accepted -----------------------------------------------------------------------------------

ACCEPTED = {
    "short rows": (HEADER + "1,Monza,2021-09-12,26\n2,Spa\n", "1 short row filled with NULL"),
    "extra column": ("x," + HEADER + "9,1,Monza,2021-09-12,26\n9,2,Spa,,\n", "extra columns left out: x"),
    "column without a name": (
        HEADER.strip() + ",\n1,Monza,2021-09-12,26,\n2,Spa,,,\n",
        "extra columns left out: (no name)",
    ),
    "other order": ("name,topPoints,date,raceId\nMonza,26,2021-09-12,1\nSpa,,,2\n", "another order"),
    "byte order mark": ("\ufeff" + HEADER + "1,Monza,2021-09-12,26\n2,Spa,,\n", "byte order mark skipped"),
    "quoted header with mark": (
        '\ufeff"raceId","name","date","topPoints"\n1,Monza,2021-09-12,26\n2,Spa,,\n',
        "byte order mark skipped",
    ),
    "crlf": (HEADER.strip() + "\r\n1,Monza,2021-09-12,26\r\n2,Spa,,\r\n", "CRLF line ends"),
    "blank lines": ("\n" + HEADER + "\n1,Monza,2021-09-12,26\n\n2,Spa,,\n  \n\n", "4 blank lines skipped"),
    "spaces around numbers": (HEADER + "1 ,Monza, 2021-09-12, 26\n 2,Spa,,\n", "4 values trimmed of spaces"),
    "backslash N": (HEADER + '1,Monza,2021-09-12,26\n2,Spa,\\N,"\\N"\n', ""),
    "all quoted": (
        '"raceId","name","date","topPoints"\n"1","Monza","2021-09-12","26"\n"2","Spa","",""\n',
        "",
    ),
    "no last line end": (HEADER + "1,Monza,2021-09-12,26\n2,Spa,,", ""),
    "snake case header": ("race_id,name,date,top_points\n1,Monza,2021-09-12,26\n2,Spa,,\n", ""),
    "zeros and signs": (HEADER + "+1,Monza,2021-09-12,26.00000\n002,Spa,,\n", ""),
}


@pytest.mark.parametrize(("content", "note"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepts_and_notes(converter: Converter, content: str, note: str) -> None:
    converter.write("races.csv", content)
    code, out, error = converter.run()
    assert (code, error) == (0, "")
    assert converter.table("races").rows() == [
        (1, "Monza", date(2021, 9, 12), Decimal("26.00")),
        (2, "Spa", None, None),
    ]
    notes = [line for line in out.splitlines() if line.startswith("  races: ")]
    if note:
        assert note in out
    assert len(notes) == bool(note)
    assert converter.manifest("races")["rows_read"] == 2


def test_accepts_a_missing_column(converter: Converter) -> None:
    converter.write("races.csv", "raceId,date,topPoints\n1,2021-09-12,26\n")
    code, out, _ = converter.run()
    assert code == 0
    assert "  races: missing columns filled with NULL: name\n" in out
    assert converter.table("races").rows() == [(1, None, date(2021, 9, 12), Decimal("26.00"))]


def test_text_is_not_changed(converter: Converter) -> None:
    names = [
        ' Spa "GP"',
        "a, b",
        "two\nlines",
        "cr\r\nlf",
        "N/A",
        "null",
        "0012",
        "Nürburg 🏁",
        " \\N",
        "x\u2028y",
    ]
    quoted = "".join('{},"{}",,\n'.format(i, name.replace('"', '""')) for i, name in enumerate(names))
    converter.write("races.csv", HEADER + quoted)
    code, out, _ = converter.run()
    assert code == 0
    assert converter.table("races")["name"].to_list() == names
    assert "2 line breaks inside quoted values kept" in out


def test_empty_and_backslash_n_are_null_quoted_or_not(converter: Converter) -> None:
    converter.write("races.csv", HEADER + '1,,,\n2,"",,\n3,\\N,,\n4,"\\N",,\n')
    assert converter.run()[0] == 0
    assert converter.table("races")["name"].to_list() == [None] * 4


def test_a_table_may_have_no_rows(converter: Converter) -> None:
    converter.write("races.csv", HEADER)
    assert converter.run()[0] == 0
    assert converter.table("races").height == 0
    assert converter.table("races").columns == ["race_id", "name", "date", "top_points"]


def test_other_files_and_a_nested_data_folder_are_accepted(converter: Converter) -> None:
    nested = converter.raw.parent / "nested"
    (nested / "data").mkdir(parents=True)
    for name in ("races.csv", "laps.csv"):
        (converter.raw / name).rename(nested / "data" / name)
    (nested / "data" / "notes.bin").write_bytes(b"\0\1")
    assert converter.run(raw=nested)[0] == 0
    assert converter.table("races").height == 2


def test_line_breaks_in_values_of_a_large_file_are_kept(converter: Converter) -> None:
    """Polars reads in chunks, and must not split a quoted value."""
    chance = random.Random(7)
    names = ["".join(chance.choice('ab\n,"') for _ in range(chance.randint(1, 60))) for _ in range(40_000)]
    with (converter.raw / "races.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["raceId", "name", "date", "topPoints"])
        writer.writerows([i, name, "", ""] for i, name in enumerate(names))
    assert converter.run()[0] == 0
    assert converter.table("races")["name"].to_list() == names


def test_a_conversion_does_not_import_numpy(converter: Converter) -> None:
    """Importing it takes longer than converting the table of results."""
    command = [
        sys.executable,
        "-X",
        "importtime",
        SCRIPT,
        "--data",
        converter.data,
        "--schema",
        converter.schema,
    ]
    done = subprocess.run([*command, converter.raw], capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "polars" in imported
    assert "numpy" not in imported


# --- plain and careful conversion -----------------------------------------------------------------------

PLAIN_OR_CAREFUL = {
    "plain": (RACES, True),
    "crlf": (RACES.replace("\n", "\r\n"), True),
    "byte order mark": ("\ufeff" + RACES, True),
    "no last line end": (RACES.rstrip("\n"), True),
    "beyond ASCII": (RACES.replace("Spa", "Nürburg 🏁"), True),
    "null and empty": (HEADER + '1,\\N,,\n2,"\\N",\\N,""\n3,,"\\N",\\N\n', True),
    "quoted empty text": (HEADER + '1,"",,\n', False),
    "extra and missing columns": ("x,raceId,y\na,1,b\n,-2,\\N\n", True),
    "blank line": (RACES + "\n", False),
    "short row": (RACES + "3,Imola\n", False),
    "long row": (RACES + "3,Imola,,,\n", False),
    "comma in a value": (RACES + '3,"a,b",,\n', False),
    "line break in a value": (RACES + '3,"a\nb",,\n', False),
    "quotes in a value": (RACES + '3,"a""b",,\n', False),
    "quote closed too early": (RACES + '3,"a"b,,\n', False),
    "two pairs of quotes in a value": (RACES + '3,"a"b"c",,\n', False),
    "quotes inside a value": (RACES + '3,a"b",,\n', False),
    "quote closed too early where left out": ('x,raceId\n"a"b,1\n', False),
    "lone carriage return": (RACES + "3,a\rb,,\n", False),
    "line ends that differ": (RACES + "3,a,,\r\n", False),
    "not UTF-8": ((RACES + "3,ü,,\n").encode("latin-1"), False),
    "spaces around a number": (RACES + " 3,a,,\n", False),
    "spaces around a date": (RACES + "3,a, 2021-08-29,\n", False),
    "zero before a number": (RACES + "03,a,,\n", False),
    "sign before a number": (RACES + "+3,a,,\n", False),
    "empty key": (RACES + ",a,,\n", False),
    "repeated key": (RACES + "1,a,,\n", False),
    "bad number": (RACES + "x,a,,\n", False),
    "bad date": (RACES + "3,a,2021-02-29,\n", False),
    "bad decimal": (RACES + "3,a,,1.125\n", False),
}


@pytest.mark.parametrize(("content", "is_plain"), PLAIN_OR_CAREFUL.values(), ids=PLAIN_OR_CAREFUL.keys())
def test_only_a_file_without_defects_is_converted_plainly(
    converter: Converter, monkeypatch: pytest.MonkeyPatch, content: str | bytes, is_plain: bool
) -> None:
    """The careful conversion of such a file gives the same result."""
    careful = csv_to_parquet.convert_carefully
    careful_tables = []

    def recorded(table: raw_schema.Table, *rest: Path) -> tuple[int, int, int, list[str]]:
        careful_tables.append(table.name)
        return careful(table, *rest)

    monkeypatch.setattr(csv_to_parquet, "convert_carefully", recorded)
    converter.write("races.csv", content)
    code, plain_out, _ = converter.run("--max-bad-rows", "1")
    assert careful_tables == ([] if is_plain else ["races"])
    if is_plain:
        plain, manifest = converter.table("races"), converter.manifest("races")
        monkeypatch.setattr(csv_to_parquet, "keys_are_unique", lambda *_: False)
        monkeypatch.setattr(key_checks, "keys_are_unique", lambda *_: False)
        (converter.data / "parquet" / "load_manifest.parquet").unlink()
        code, careful_out, _ = converter.run()
        assert careful_tables == ["races", "laps"]
        assert converter.table("races").equals(plain)
        counts = ["rows_read", "rows_converted", "rows_quarantined", "rows_short", "source_sha256"]
        assert [converter.manifest("races")[name] for name in counts] == [manifest[name] for name in counts]
        notes = [
            [line for line in out.splitlines() if "  races: " in line] for out in (plain_out, careful_out)
        ]
        assert notes[0] == notes[1]
        assert code == 0


@pytest.mark.parametrize("wrong", ["records", "characters"])
def test_converts_carefully_if_the_counts_of_the_bytes_differ(
    converter: Converter, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    calls = []
    careful = csv_to_parquet.convert_carefully
    original = csv_to_parquet.account_of

    def miscounted(path: Path) -> account.Account:
        counts = original(path)
        setattr(counts, wrong, getattr(counts, wrong) + 1)
        return counts

    monkeypatch.setattr(csv_to_parquet, "account_of", miscounted)
    monkeypatch.setattr(
        csv_to_parquet, "convert_carefully", lambda *args: (calls.append(1), careful(*args))[1]
    )
    assert converter.run()[0] == 0
    assert len(calls) == 2


# --- what is set aside ----------------------------------------------------------------------------------

UNFIT = {
    "text for a number": ("x3,Imola,,", "race_id", "x3", "not a valid integer"),
    "fraction for an integer": ("3.0,Imola,,", "race_id", "3.0", "not a valid integer"),
    "too large": ("2147483648,Imola,,", "race_id", "2147483648", "not a valid integer"),
    "more digits than the scale": ("3,Imola,,1.125", "top_points", "1.125", "not a valid decimal(6,2)"),
    "more digits than the precision": ("3,Imola,,12345", "top_points", "12345", "not a valid decimal(6,2)"),
    "exponent": ("3,Imola,,1e2", "top_points", "1e2", "not a valid decimal(6,2)"),
    "comma for a point": ('3,Imola,,"1,5"', "top_points", "1,5", "not a valid decimal(6,2)"),
    "no such day": ("3,Imola,2021-02-29,", "date", "2021-02-29", "not a valid date"),
    "other date format": ("3,Imola,29/02/2020,", "date", "29/02/2020", "not a valid date"),
    "date with time": ("3,Imola,2021-02-28 00:00:00,", "date", "2021-02-28 00:00:00", "not a valid date"),
    "short year": ("3,Imola,21-02-28,", "date", "21-02-28", "not a valid date"),
    "empty key": (",Imola,,", "race_id", "", "the key is NULL"),
    "null key": ("\\N,Imola,,", "race_id", "\\N", "the key is NULL"),
    "repeated key": ("1,Imola,,", "race_id", "1", "repeats the key of an earlier row"),
    "repeated key, other text": ("+01,Imola,,", "race_id", "+01", "repeats the key of an earlier row"),
    "too many fields": ("3,Imola,,,", "", "", "5 fields where the header has 4"),
}


@pytest.mark.parametrize(("row", "column", "value", "reason"), UNFIT.values(), ids=UNFIT.keys())
def test_sets_aside_an_unfit_row(loaded: Converter, row: str, column: str, value: str, reason: str) -> None:
    # The line number counts lines, not rows: a line break in a value and blank lines come before.
    content = HEADER + f'\n1,"Mon\nza",,\n\n{row}\n4,Ends,,\n'
    loaded.write("races.csv", content)
    code, out, error = loaded.run("--max-bad-rows", "1")
    assert (code, error) == (0, "")
    assert loaded.table("races")["race_id"].to_list() == [1, 4]
    assert loaded.quarantine("races") == [
        {"file": "races.csv", "line": "6", "column": column, "value": value, "reason": reason, "row": row}
    ]
    assert content.splitlines()[5] == row
    manifest = loaded.manifest("races")
    assert [manifest[name] for name in ("rows_read", "rows_converted", "rows_quarantined")] == [3, 2, 1]
    assert "races: 1 row set aside" in out
    assert "6 rows, 1 set aside in" in out


def test_quarantine_has_the_first_line_number_and_the_full_text_of_a_row(converter: Converter) -> None:
    converter.write(
        "races.csv", HEADER.replace("\n", "\r\n") + '1,"a\r\nb",,\r\nx,"c\r\n\r\nd",,\r\n2,e,,\r\n'
    )
    assert converter.run("--max-bad-rows", "1")[0] == 0
    (row,) = converter.quarantine("races")
    assert (row["line"], row["row"]) == ("4", 'x,"c\r\n\r\nd",,')


def test_the_first_row_of_a_key_is_kept_and_later_ones_are_set_aside(converter: Converter) -> None:
    converter.write("laps.csv", "raceId,lap,milliseconds\n1,1,10\n1,2,20\n1,1,11\n2,1,30\n1,1,12\n1,2,21\n")
    assert converter.run("--max-bad-rows", "3")[0] == 0
    assert converter.table("laps").rows() == [(1, 1, 10), (1, 2, 20), (2, 1, 30)]
    assert [row["line"] for row in converter.quarantine("laps")] == ["4", "6", "7"]
    assert converter.quarantine("laps")[0]["value"] == "1, 1"


def test_a_row_that_is_set_aside_does_not_use_up_its_key(converter: Converter) -> None:
    converter.write("laps.csv", "raceId,lap,milliseconds\n1,1,bad\n1,1,11\n")
    assert converter.run("--max-bad-rows", "1")[0] == 0
    assert converter.table("laps").rows() == [(1, 1, 11)]
    assert converter.quarantine("laps")[0]["reason"] == "not a valid bigint"


def test_repeated_keys_are_found_across_slices(converter: Converter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_checks, "KEYS_AT_ONCE", 10)
    rows = [(race, lap) for race in range(20) for lap in range(20)]
    text = "".join(f"{race},{lap},1\n" for race, lap in [*rows, rows[7], rows[399]])
    converter.write("laps.csv", "raceId,lap,milliseconds\n" + text)
    assert converter.run("--max-bad-rows", "2")[0] == 0
    assert [row["line"] for row in converter.quarantine("laps")] == ["402", "403"]
    assert converter.table("laps").height == 400


@pytest.mark.parametrize("keys_at_once", [6, 10, 1000])
@pytest.mark.parametrize(
    ("keys", "are_unique"),
    [
        ([(race, lap) for race in range(9) for lap in range(9)], True),
        ([(race, lap) for lap in range(9) for race in range(9)], True),
        ([(race, lap) for race in range(9) for lap in range(9, 0, -1)], True),
        ([(race, lap) for race in range(9) for lap in (*range(9), 8)], False),
        ([(race, lap) for lap in range(9) for race in range(9)] + [(0, 0)], False),
        ([(race, lap) for race in (1, 2, 1) for lap in range(9)], False),
        ([(race, lap) for race, first in ((1, 0), (2, 0), (1, 9)) for lap in range(first, first + 9)], True),
        ([(race, 1) for race in range(30)], True),
        ([], True),
    ],
    ids=["rising", "across", "falling", "within", "far apart", "repeated", "in two parts", "single", "none"],
)
def test_keys_are_unique_is_never_true_for_repeated_keys(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keys: list[tuple[int, int]],
    are_unique: bool,
    keys_at_once: int,
) -> None:
    """With little memory it may return False for unique keys, but never True for repeated ones."""
    monkeypatch.setattr(key_checks, "KEYS_AT_ONCE", keys_at_once)
    parquet = tmp_path / "x.parquet"
    pl.DataFrame(keys, {"race": pl.Int32, "lap": pl.Int32}, orient="row").write_parquet(parquet)
    result = key_checks.keys_are_unique(parquet, ["race", "lap"])
    assert result == are_unique if keys_at_once == 1000 else result <= are_unique


@pytest.mark.parametrize("keys_at_once", [6, 1000])
@pytest.mark.parametrize(
    ("key", "again"),
    [
        ({"lap": [*range(-70, 200), 2**63 - 1, -(2**63)]}, {"lap": 130}),
        ({"lap": [0, 64, 128, 1, 65, -64, -63]}, {"lap": 65}),
        (
            {"race": [1, 1, 2], "driver": [1, 2, 1], "lap": [5, 5, 5]},
            {"race": 2, "driver": 1, "lap": 5},
        ),
        ({"race": [2**62, 2**62 + 1], "lap": [63, 63]}, {"race": 2**62, "lap": 63}),
        ({"code": ["a", "b", "ab"]}, {"code": "ab"}),
        ({"race": [1, 1, 2], "code": ["a", "b", "a"]}, {"race": 1, "code": "b"}),
        ({"day": [date(1950, 5, 13), date(1950, 5, 14)]}, {"day": date(1950, 5, 14)}),
    ],
    ids=["one column", "other groups", "three columns", "overflow", "text", "text last", "dates"],
)
@pytest.mark.parametrize("times", [0, 1, 2, 64])
def test_keys_of_any_type_are_unique_until_one_is_repeated(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: dict[str, list[object]],
    again: dict[str, object],
    times: int,
    keys_at_once: int,
) -> None:
    monkeypatch.setattr(key_checks, "KEYS_AT_ONCE", keys_at_once)
    parquet = tmp_path / "x.parquet"
    frame = pl.DataFrame(key)
    pl.concat([frame, pl.DataFrame([again] * times, frame.schema)]).write_parquet(parquet)
    result = key_checks.keys_are_unique(parquet, list(key))
    assert result == (not times) if keys_at_once == 1000 else result <= (not times)


def test_counts_of_many_unfit_rows_add_up(converter: Converter) -> None:
    rows = []
    for i in range(1, 3001):
        kinds = {
            3: f"{i},a,b,c,d,e",
            5: f"x{i},a,,",
            7: f"{i},a,2020-13-01,",
            11: f"{max(i - 2, 1)},a,,",
            13: "",
        }
        rows.append(next((row for step, row in kinds.items() if i % step == 0), f"{i},ok,,"))
    converter.write("races.csv", HEADER + "\n".join(rows) + "\n")
    assert converter.run("--max-bad-rows", "3000")[0] == 0
    quarantined = converter.quarantine("races")
    filled = sum(1 for row in rows if row)
    assert (
        converter.manifest("races")["rows_read"]
        == filled
        == converter.table("races").height + len(quarantined)
    )
    for row in quarantined:
        assert rows[int(row["line"]) - 2] == row["row"]


def test_every_accepted_number_equals_its_text(converter: Converter) -> None:
    chance = random.Random(11)
    texts = [
        "".join(chance.choice("0123456789+-._e ") for _ in range(chance.randint(1, 7))) for _ in range(4000)
    ]
    converter.write("races.csv", HEADER + "".join(f"{i},,,{text}\n" for i, text in enumerate(texts)))
    converter.write(
        "laps.csv", "raceId,lap,milliseconds\n" + "".join(f"1,{i},{t}\n" for i, t in enumerate(texts))
    )
    assert converter.run("--max-bad-rows", "8000")[0] == 0
    points = dict(converter.table("races").select("race_id", "top_points").iter_rows())
    integers = dict(converter.table("laps").select("lap", "milliseconds").iter_rows())
    for i, text in enumerate(texts):
        plain = text.strip()
        if plain and i in points:
            assert points[i] == Decimal(plain)
        if plain and i in integers:
            assert integers[i] == int(plain)
        assert (i in integers) == (not plain or bool(re.fullmatch("[+-]?[0-9]+", plain)))
        proper = re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", plain)
        fits = proper and abs(Decimal(plain)) < 10_000 and Decimal(plain) * 100 % 1 == 0
        assert (i in points) == (not plain or bool(fits))


# --- text that a terminal or a spreadsheet would execute ------------------------------------------------

HOSTILE = "=cmd|'\x1b[2J\x07'!A0\u202e'); drop table races; --<script>../../x"


def test_hostile_text_is_stored_unchanged_and_printed_harmless(converter: Converter) -> None:
    converter.write("races.csv", f"raceId,name,{HOSTILE}\n1,{HOSTILE},\n{HOSTILE},,\n")
    code, out, error = converter.run("--max-bad-rows", "1")
    assert (code, error) == (0, "")
    assert converter.table("races")["name"].to_list() == [HOSTILE]
    assert converter.quarantine("races")[0]["value"] == HOSTILE
    assert "extra columns left out: =cmd|'?[2_j?'!a0?'); drop table races; --<script>../../x\n" in out
    assert all(character.isprintable() for character in out.replace("\n", ""))
    assert sorted(path.name for path in (converter.data / "parquet").iterdir()) == [
        "checksums.parquet",
        "laps.parquet",
        "load_manifest.parquet",
        "origin.txt",
        "races.parquet",
    ]


@pytest.mark.parametrize("header", [HOSTILE, '"' + "long\nlines " * 10_000 + '"'], ids=["hostile", "long"])
def test_an_error_prints_hostile_text_harmless_and_short(loaded: Converter, header: str) -> None:
    loaded.write("races.csv", f"{header},name\n1,Monza\n")
    error = loaded.refuses("races.csv: ")
    assert all(character.isprintable() for character in error.rstrip("\n"))
    assert len(error) < 600


def test_a_file_name_in_a_zip_is_printed_harmless(loaded: Converter) -> None:
    archive = make_zip(loaded, {"\x1b[2J/races.csv": RACES, "\x07/races.csv": RACES, "laps.csv": LAPS})
    error = loaded.refuses("holds races.csv twice: ?[2J/races.csv and ?/races.csv", raw=archive)
    assert error.rstrip("\n").isprintable()


# --- too many unfit rows --------------------------------------------------------------------------------


def test_more_unfit_rows_than_allowed_stop_the_run(loaded: Converter) -> None:
    before = loaded.snapshot()
    loaded.write("races.csv", RACES + "x,Imola,,\n1,Again,,\n")
    loaded.write("laps.csv", LAPS + "1,1,1\n")
    code, _, error = loaded.run("--max-bad-rows", "2")
    assert code == 2
    assert error.count("\n") == 1
    refused = loaded.data / "quarantine" / "refused"
    for words in (
        "3 unfit rows (races 2, laps 1), 2 allowed",
        "nothing changed",
        f"{refused}/*.csv",
        "--max-bad-rows 3",
        "MAX_BAD_ROWS=3",
    ):
        assert words in error
    assert [row["line"] for row in loaded.quarantine("races", "quarantine/refused")] == ["4", "5"]
    assert [row["line"] for row in loaded.quarantine("laps", "quarantine/refused")] == ["5"]
    after = {path: content for path, content in loaded.snapshot().items() if "refused" not in path}
    assert after == before


def test_a_refused_run_keeps_the_last_quarantine_and_a_good_run_deletes_its_report(
    converter: Converter,
) -> None:
    converter.write("races.csv", RACES + "x,Imola,,\n")
    assert converter.run("--max-bad-rows", "1")[0] == 0
    kept = converter.quarantine("races")
    converter.write("races.csv", RACES + "y,Imola,,\nz,Imola,,\n")
    assert converter.run("--max-bad-rows", "1")[0] == 2
    assert converter.quarantine("races") == kept
    assert len(converter.quarantine("races", "quarantine/refused")) == 2
    converter.write("races.csv", RACES)
    assert converter.run()[0] == 0
    assert list((converter.data / "quarantine").iterdir()) == []


def test_a_refused_first_run_leaves_only_its_report(converter: Converter) -> None:
    converter.write("races.csv", RACES + "x,Imola,,\n")
    assert converter.run()[0] == 2
    names = sorted(str(path.relative_to(converter.data)) for path in converter.data.rglob("*"))
    assert names == [".lock", ".pitwall", "quarantine", "quarantine/refused", "quarantine/refused/races.csv"]


def test_a_count_that_does_not_add_up_stops_the_run(
    loaded: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded.write("races.csv", RACES + "\n3,Imola,,\n")
    monkeypatch.setattr(
        careful, "repeated_rows", lambda *_: pl.DataFrame({"__line": [0]}, {"__line": pl.UInt32})
    )
    monkeypatch.setattr(careful, "write_quarantine", lambda *_: 0)
    loaded.refuses("races.csv: 3 rows read, but 2 converted and 0 set aside")


# --- what is refused ------------------------------------------------------------------------------------

NOT_CSV = {
    "empty file": (b"", ["the file is empty"]),
    "only blank lines": (b"\n\n\n", ["the file is empty"]),
    "no key column": (b"name,date\nMonza,\n", ["no column for the key race_id", "name,date"]),
    "other separator": (b"raceId;name\n1;Monza\n", ["no column for the key race_id", "raceId;name"]),
    "column named twice": (b"raceId,name,raceId\n1,a,2\n", ["race_id more than once"]),
    "column named twice in two spellings": (b"raceId,name,race_id\n1,a,2\n", ["race_id more than once"]),
    "web page": (b"\n <!DOCTYPE html>\n<html></html>\n", ["web page"]),
    "binary": (b"PAR1\0\0\1\2\n", ["binary"]),
    "binary in line 3": ((HEADER + "1,a,,\n2,\0,,\n").encode(), ["binary (line 3 has a NUL byte)"]),
    "utf-16": (RACES.encode("utf-16"), ["UTF-16; convert it with `iconv -f UTF-16 -t UTF-8 races.csv >"]),
    "utf-16 without a mark": (RACES.encode("utf-16-le"), ["`iconv -f UTF-16LE -t UTF-8 races.csv >"]),
    "utf-16, the other way": (RACES.encode("utf-16-be"), ["`iconv -f UTF-16BE -t UTF-8 races.csv >"]),
    "utf-32": (RACES.encode("utf-32"), ["`iconv -f UTF-32 -t UTF-8 races.csv >"]),
    "latin-1": (
        RACES.encode() + b"3,N\xfcrburg,,\n",
        ["line 4 is not UTF-8", "`iconv -f WINDOWS-1252 -t UTF-8 races.csv >"],
    ),
    "cut inside a character": (RACES.encode() + b"3,N\xc3\x81\x81,,\n", ["line 4 is not UTF-8", "undamaged"]),
    "too many columns": (b"raceId" + b"," * 10_000 + b"\n", ["has 10,001 columns, 10,000 are allowed"]),
    "no line ends": (b"x" * (1 << 20) + b"\n", ["no line end"]),
    "old Mac line ends": (RACES.replace("\n", "\r").encode(), ["read in more than one way"]),
    "unclosed quote": (HEADER.encode() + b'1,Monza,,\n2,"Spa,,\n3,Imola,,\n', ["line 3", "never closed"]),
    "quote closed too early": (HEADER.encode() + b'1,"Mon"za,,\n', ["line 2", "'\"'"]),
    "quote closed too early in the header": (b'"race"Id,name\n1,Monza\n', ["line 1", "'\"'"]),
    "backslash before a quote": (HEADER.encode() + b'1,"a \\"b\\" c",,\n', ["line 2"]),
    "stray quotes": (HEADER.encode() + b'1,x"y,,\n2,x"z,,\n', ["stray quotes"]),
    "endless value": (HEADER.encode() + b'1,"' + b"a\n" * 600_000 + b'",,\n', ["line 2", "not closed"]),
}


@pytest.mark.parametrize(("content", "words"), NOT_CSV.values(), ids=NOT_CSV.keys())
def test_refuses_a_file_that_is_not_a_csv_of_the_table(
    loaded: Converter, content: bytes, words: list[str]
) -> None:
    loaded.write("races.csv", content)
    loaded.refuses("races.csv", *words)


def test_refuses_a_file_that_two_readers_read_differently(
    loaded: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded.write("races.csv", RACES + "\n3,Imola,,\n")
    original = careful.survey

    def miscounted(path: Path):
        counts = original(path)
        counts.characters += 1
        return counts

    monkeypatch.setattr(careful, "survey", miscounted)
    loaded.refuses("races.csv", "more than one way")


def test_refuses_a_file_that_changes_while_it_is_read(
    loaded: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = loaded.write("races.csv", RACES + "3,Imola,,\n")
    original = csv_to_parquet.account_of

    def count_then_change(file: Path) -> account.Account:
        counts = original(file)
        if file == path:
            path.write_text(RACES + "4,Imola,,\n5,Monaco,,\n")
        return counts

    monkeypatch.setattr(csv_to_parquet, "account_of", count_then_change)
    loaded.refuses("races.csv", "changed while it was read")


def test_refuses_missing_files_and_names_all_of_them(loaded: Converter) -> None:
    (loaded.raw / "races.csv").unlink()
    (loaded.raw / "laps.csv").unlink()
    (loaded.raw / "laps.csv").mkdir()
    loaded.refuses(f"{loaded.raw}: no laps.csv, races.csv in it")


def test_names_of_files_may_be_in_any_case(converter: Converter) -> None:
    (converter.raw / "races.csv").rename(converter.raw / "Races.CSV")
    assert converter.run()[0] == 0
    assert converter.table("races").height == 2
    assert converter.manifest("races")["source_name"] == "Races.CSV"
    archive = make_zip(converter, {"data/RACES.csv": RACES, "data/Laps.Csv": LAPS})
    assert converter.run(raw=archive)[0] == 0
    assert converter.manifest("laps")["source_name"] == "data/Laps.Csv"


def test_refuses_two_files_that_differ_only_by_case(loaded: Converter) -> None:
    loaded.write("Races.csv", RACES)
    loaded.refuses(f"{loaded.raw}: holds both Races.csv and races.csv")
    members = {"races.csv": RACES, "RACES.csv": RACES, "laps.csv": LAPS}
    loaded.refuses("twice: races.csv and RACES.csv", raw=make_zip(loaded, members))


def test_names_the_folder_that_has_the_files(loaded: Converter) -> None:
    below = loaded.raw.parent / "outer" / "f1db" / "csv"
    below.parent.mkdir(parents=True)
    loaded.raw.rename(below)
    line = f"{below.parents[1]}: no laps.csv, races.csv in it; such files are in {below}: name that folder"
    loaded.refuses(line, raw=below.parents[1])


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "broken link"])
def test_refuses_what_is_no_file_without_waiting_for_it(loaded: Converter, kind: str) -> None:
    def make(path: Path) -> None:
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as server:
                server.bind(path.name)
        else:
            path.symlink_to("/dev/zero" if kind == "device" else "nowhere")

    odd = loaded.raw.parent / "odd"
    make(odd)
    reason = "no such folder or zip" if kind == "broken link" else "neither a folder nor a zip file"
    loaded.refuses(f"{odd}: {reason}", raw=odd)
    (loaded.raw / "races.csv").unlink()
    make(loaded.raw / "races.csv")
    loaded.refuses(f"{loaded.raw}/races.csv: no file but a pipe")


@pytest.mark.parametrize(
    "raw",
    ["s3://key:secret@bucket/x?secret", "FTP://host/x.zip", "file:///tmp", "https:/h/x?secret", "c:\\x"],
)
def test_another_address_is_refused_with_what_is_accepted(loaded: Converter, raw: str) -> None:
    error = loaded.refuses("name a folder of CSVs, a zip of them, or the http(s) address", raw=raw)
    assert "secret" not in error


@pytest.mark.parametrize("name", ["s3://bucket/x", "file:x", "bad\udcff"])
def test_refuses_a_data_folder_that_polars_takes_for_another(converter: Converter, name: str) -> None:
    converter.data = Path(name)
    code, _, error = converter.run()
    assert (code, error.count("\n")) == (2, 1)
    assert re.search("a path on this machine is needed|is not UTF-8 text", error)
    assert not Path(name.partition("/")[0]).exists()


def test_a_bad_number_is_refused_in_one_line(
    converter: Converter, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in ("-1", "many", "", "9" * 5000):
        with pytest.raises(SystemExit) as ended:
            csv_to_parquet.main([str(converter.raw), f"--max-bad-rows={number}"])
        assert ended.value.code == 2
        error = capsys.readouterr().err
        assert error.startswith("csv_to_parquet: argument --max-bad-rows: ")
        assert error.endswith("is not a whole number from 0 on\n") or len(error) > 500
        assert error.count("\n") == 1


def test_an_empty_raw_path_is_not_the_current_folder(
    loaded: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(loaded.raw)
    before = loaded.snapshot()
    code = csv_to_parquet.main(["", "--data", str(loaded.data), "--schema", str(loaded.schema)])
    assert (code, loaded.snapshot()) == (2, before)


def test_refuses_a_raw_path_that_is_missing_or_no_zip(loaded: Converter) -> None:
    loaded.refuses("nowhere: no such folder or zip", raw=loaded.raw / "nowhere")
    loaded.refuses("races.csv: not a zip", raw=loaded.raw / "races.csv")


def test_a_missing_raw_path_creates_no_data_folder(converter: Converter) -> None:
    assert converter.run(raw="nowhere")[0] == 2
    assert not converter.data.exists()


def test_refuses_a_data_folder_that_cannot_be_written(converter: Converter) -> None:
    converter.data.write_text("a file")
    code, _, error = converter.run()
    assert code == 2
    assert re.fullmatch(r"csv_to_parquet: .*data: (File exists|Not a directory)\n", error)
    assert converter.data.read_text() == "a file"


def test_refuses_a_data_folder_without_permission(loaded: Converter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in raises the error: root may run the tests, and can write to every folder."""

    def denied(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", denied)
    loaded.refuses("Permission denied")


@pytest.mark.parametrize(
    "text", ["", "sources: []", "sources: [{tables: [{name: x}]}]", "a: [", SCHEMA.replace("bigint", "money")]
)
def test_refuses_a_schema_that_declares_no_tables(loaded: Converter, text: str) -> None:
    loaded.schema.write_text(text)
    loaded.refuses("sources.yml", "not a dbt sources file")


PANIC = pl.exceptions.PanicException("index out of bounds\nnote: this is a bug")


def test_a_table_in_which_polars_panics_is_converted_carefully(
    converter: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A panic is no Exception: Polars raises it, for example, for a damaged file."""

    def panic(*_: object) -> None:
        raise PANIC

    monkeypatch.setattr(key_checks, "_keys_are_unique", panic)
    assert converter.run()[0] == 0
    assert converter.table("races").height == 2
    (converter.data / "parquet" / "load_manifest.parquet").unlink()
    monkeypatch.setattr(plain, "_convert_plain", panic)
    assert converter.run()[0] == 0
    assert converter.table("laps").height == 3


def test_no_file_is_written_again_after_a_write_that_failed(
    converter: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polars goes on writing after it raised an error, and would damage the file of the next attempt."""
    failed: set[Path] = set()
    original = pl.LazyFrame.sink_parquet

    def watched(rows: pl.LazyFrame, path: Path, **options: object) -> None:
        assert path not in failed
        try:
            original(rows, path, **options)
        except pl.exceptions.PolarsError:
            failed.add(path)
            raise

    monkeypatch.setattr(pl.LazyFrame, "sink_parquet", watched)
    converter.write("races.csv", RACES + "x,\\N,,\n")
    assert converter.run("--max-bad-rows", "1")[0] == 0
    assert len(failed) == 2  # with and without \N as NULL
    assert converter.table("races").height == 2


def test_a_second_panic_is_reported_in_one_line(loaded: Converter, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded.write("races.csv", RACES + "3,Imola,,\n")

    def panic(*_: object, **__: object) -> None:
        raise PANIC

    with monkeypatch.context() as patched:
        patched.setattr(pl.LazyFrame, "sink_parquet", panic)
        loaded.refuses("races.csv: Polars stopped", "start again: index out of bounds\n")
    monkeypatch.setattr(pl.DataFrame, "write_parquet", panic)
    loaded.refuses("data: cannot be written", "index out of bounds\n")


def test_a_table_may_have_thousands_of_other_columns(converter: Converter) -> None:
    """With a sum of Polars expressions as a chain, this took minutes."""
    names = "".join(f",x{number}" for number in range(4000))
    values = ",abc" * 4000
    converter.write("races.csv", f"raceId{names}\n1{values}\n2{values}\n")
    converter.write("laps.csv", f"raceId,lap{names}\n1,1{values}\n1,2\n")
    started = time.monotonic()
    assert converter.run()[0] == 0
    assert time.monotonic() - started < 10
    assert (converter.table("races").height, converter.table("laps").height) == (2, 2)


def test_a_long_value_is_kept(converter: Converter) -> None:
    """Python's csv module usually allows 131,072 characters."""
    name = "a\n" * 100_000
    converter.write("races.csv", HEADER + f'1,"{name}",,\n')
    assert converter.run()[0] == 0
    assert converter.table("races")["name"].to_list() == [name]


@pytest.mark.parametrize("start", ["", HEADER.rstrip(), RACES])
def test_a_huge_file_of_zeros_is_not_read_as_a_whole(loaded: Converter, start: str) -> None:
    path = loaded.write("races.csv", start)
    os.truncate(path, 1 << 34)  # a sparse file: it takes no space
    started = time.monotonic()
    loaded.refuses("races.csv: not CSV")
    assert time.monotonic() - started < 5


def test_a_full_disk_is_reported_in_one_line(loaded: Converter, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded.write("races.csv", RACES + "3,Imola,,\n")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.LazyFrame, "sink_parquet", full)
    loaded.refuses("data: No space left on device")


def test_an_interruption_changes_nothing(loaded: Converter, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = loaded.snapshot()
    monkeypatch.setattr(csv_to_parquet, "load_table", stop)
    code, _, error = loaded.run()
    assert (code, error) == (130, "csv_to_parquet: interrupted\n")
    assert loaded.snapshot() == before


# --- zips -----------------------------------------------------------------------------------------------


def make_zip(converter: Converter, members: dict[str, str] | None = None, name: str = "archive.zip") -> Path:
    """A zip of the given members, by default the two tables under data/ and another file."""
    members = members or {"data/": "", "data/races.csv": RACES, "README.md": "hello", "data/laps.csv": LAPS}
    archive = converter.raw.parent / name
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for member, content in members.items():
            file.writestr(member, content)
    return archive


def test_reads_a_zip(converter: Converter) -> None:
    assert converter.run(raw=make_zip(converter))[0] == 0
    assert converter.table("races").height == 2
    assert converter.manifest("races")["source_name"] == "data/races.csv"
    assert not (converter.data / ".tmp").exists()


def test_refuses_a_zip_without_a_table(loaded: Converter) -> None:
    loaded.refuses("no laps.csv in it", raw=make_zip(loaded, {"races.csv": RACES}))


def test_refuses_a_zip_with_a_table_twice(loaded: Converter) -> None:
    members = {"races.csv": RACES, "old/races.csv": RACES, "laps.csv": LAPS}
    loaded.refuses("holds races.csv twice: races.csv and old/races.csv", raw=make_zip(loaded, members))


@pytest.mark.parametrize("member", ["../races.csv", "data/../../x", "/etc/x", "..\\x", "C:\\x", "\\x"])
def test_refuses_a_zip_with_a_path_outside_its_folder(loaded: Converter, member: str) -> None:
    archive = make_zip(loaded, {"races.csv": RACES, "laps.csv": LAPS, member: "x"})
    loaded.refuses("archive.zip: climbs out of its folder", raw=archive)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_refuses_a_zip_with_a_link_or_a_device(loaded: Converter, kind: int) -> None:
    archive = make_zip(loaded, {"laps.csv": LAPS})
    link = zipfile.ZipInfo("races.csv")
    link.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(link, "/etc/passwd")
    loaded.refuses("'races.csv' is no file but a symbolic link, a pipe or a device", raw=archive)


def test_refuses_a_zip_that_inflates_without_bound(
    loaded: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_zip(loaded, {"races.csv": HEADER + "1,a,,\n" * 500_000, "laps.csv": LAPS})
    monkeypatch.setattr(unzip, "ALWAYS_UNZIPPED", 1_000_000)
    loaded.refuses("archive.zip: inflates without bound (in races.csv)", raw=archive)


def test_refuses_a_zip_beyond_the_total_limit(loaded: Converter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unzip, "MAX_UNZIPPED", len(RACES) + len(LAPS) - 1)
    loaded.refuses("inflates without bound (in data/laps.csv)", raw=make_zip(loaded))


def test_refuses_a_zip_of_too_many_files(loaded: Converter, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {"races.csv": RACES, "laps.csv": LAPS} | {f"{i:0200}": "" for i in range(40)}
    archive = make_zip(loaded, members)
    monkeypatch.setattr(unzip, "MAX_DIRECTORY", 9_000)
    loaded.refuses("archive.zip: not a zip, or a damaged one (it lists too many files)", raw=archive)
    monkeypatch.setattr(unzip, "MAX_DIRECTORY", 20_000)
    assert loaded.run(raw=archive)[0] == 0


def test_refuses_a_zip_with_a_wrong_size_in_its_directory(loaded: Converter) -> None:
    archive = make_zip(loaded, {"laps.csv": LAPS, "races.csv": RACES})
    content = bytearray(archive.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    archive.write_bytes(content)
    loaded.refuses("archive.zip: not a zip, or a damaged one", raw=archive)


def test_reads_a_zip_with_backslashes(converter: Converter) -> None:
    """As some programs for Windows make it."""
    archive = make_zip(converter, {"data\\races.csv": RACES, "data\\laps.csv": LAPS})
    assert converter.run(raw=archive)[0] == 0
    assert converter.manifest("races")["source_name"] == "data\\races.csv"


def damaged_zip(change: Callable[[bytes], bytes]) -> Callable[[Converter], Path]:
    """Return a function that makes a zip and changes its bytes."""

    def make(converter: Converter) -> Path:
        archive = make_zip(converter)
        archive.write_bytes(change(archive.read_bytes()))
        return archive

    return make


DAMAGED = {
    "half-written": (
        damaged_zip(lambda content: content[: len(content) // 2]),
        "not a zip, or a damaged one",
    ),
    "corrupt": (damaged_zip(lambda content: content.replace(content[60:75], b"\xff" * 15)), "damaged one"),
    "empty": (damaged_zip(lambda _: b""), "not a zip, or a damaged one"),
    "encrypted": (
        damaged_zip(lambda c: c.replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\1\0")),
        "is encrypted; unpack it",
    ),
    "uncommon compression": (
        damaged_zip(
            lambda c: c.replace(b"PK\x01\x02\x14\x03\x14\0\0\0\x08", b"PK\x01\x02\x14\x03\x14\0\0\0\x0e")
        ),
        "uncommon way",
    ),
}


@pytest.mark.parametrize(("make", "words"), DAMAGED.values(), ids=DAMAGED.keys())
def test_refuses_a_damaged_zip(loaded: Converter, make: Callable[[Converter], Path], words: str) -> None:
    loaded.refuses("archive.zip", words, raw=make(loaded))


# --- URLs -----------------------------------------------------------------------------------------------


@pytest.fixture
def server_url(converter: Converter) -> Iterator[str]:
    """A server on loopback: /good.zip, /page.zip, /hang.zip, and 404 for the rest."""
    good = make_zip(converter, name="served.zip").read_bytes()
    test_ended = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/hang.zip":
                test_ended.wait(10)
                return
            pages = {"/good.zip": good, "/page.zip": b"<html>no</html>", "/empty.zip": b"PK\5\6" + bytes(18)}
            body = pages.get(path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    test_ended.set()
    server.shutdown()
    server.server_close()


def test_reads_a_zip_from_a_url(converter: Converter, server_url: str) -> None:
    assert converter.run(raw=f"{server_url}/good.zip")[0] == 0
    assert converter.table("races").height == 2
    assert not (converter.data / ".tmp").exists()


def test_refuses_a_url_that_gives_no_zip(
    loaded: Converter, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded.refuses("/none.zip: the server answers 404", raw=f"{server_url}/none.zip")
    # An address is not a path, even if there is a folder of its name.
    monkeypatch.chdir(loaded.raw.parent)
    Path(server_url).mkdir(parents=True)
    error = loaded.refuses("/page.zip: not a zip", raw=f"{server_url}/page.zip?secret#secret")
    error += loaded.refuses("/empty.zip: no laps.csv", raw=f"{server_url}/empty.zip?{'secret' * 99}")
    assert "secret" not in error
    # A server that does not answer may do so later.
    loaded.refuses(
        "http://127.0.0.1:9/x.zip: ", "Connection refused", raw="http://127.0.0.1:9/x.zip", code=75
    )
    monkeypatch.setenv("PITWALL_FETCH_TIMEOUT", "0.3")
    loaded.refuses("/hang.zip: ", "try again later", raw=f"{server_url}/hang.zip", code=75)


# --- unchanged input ------------------------------------------------------------------------------------


def test_skips_tables_that_have_not_changed(loaded: Converter) -> None:
    first, races = loaded.manifest("races"), loaded.data / "parquet" / "races.parquet"
    inode = races.stat().st_ino
    loaded.write("laps.csv", LAPS + "2,2,1\n")
    code, out, _ = loaded.run()
    assert code == 0
    assert re.search(r"^races .* unchanged$", out, re.MULTILINE)
    assert not re.search(r"^laps .* unchanged$", out, re.MULTILINE)
    second = loaded.manifest("races")
    assert second["checked_at"] > first["checked_at"]
    assert second | {"checked_at": None} == first | {"checked_at": None}
    assert races.stat().st_ino == inode
    assert loaded.table("laps").height == 4
    assert loaded.manifest("laps")["rows_read"] == 4


def test_converts_again_when_the_schema_changes(loaded: Converter) -> None:
    loaded.schema.write_text(SCHEMA.replace("decimal(6,2)", "decimal(7,3)"))
    _, out, _ = loaded.run()
    assert loaded.table("races").schema["top_points"] == pl.Decimal(7, 3)
    assert re.search(r"^laps .* unchanged$", out, re.MULTILINE)


def test_converts_again_when_the_parquet_or_manifest_is_missing_or_damaged(loaded: Converter) -> None:
    parquet = loaded.data / "parquet"
    content = (parquet / "races.parquet").read_bytes()
    for damage in (
        lambda: (parquet / "races.parquet").unlink(),
        lambda: (parquet / "races.parquet").write_bytes(content[:-1]),
        lambda: (parquet / "load_manifest.parquet").unlink(),
        lambda: (parquet / "load_manifest.parquet").write_bytes(b"PAR1"),
    ):
        damage()
        code, out, _ = loaded.run()
        assert code == 0
        assert not re.search(r"^races .* unchanged$", out, re.MULTILINE)
        assert (parquet / "races.parquet").read_bytes() == content


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.drop("source_bytes"),
        lambda rows: rows.drop("rows_quarantined", "converted_at"),
        lambda rows: rows.with_columns(rows_converted=pl.lit("2")),
        lambda rows: rows.with_columns(other=pl.lit(1)),
        lambda rows: rows.head(0),
    ],
)
def test_converts_again_if_the_manifest_has_other_columns(
    loaded: Converter, change: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    """As the manifest of an older version may have."""
    path, good = loaded.data / "parquet" / "load_manifest.parquet", loaded.table("load_manifest")
    change(good).write_parquet(path)
    code, out, error = loaded.run()
    assert (code, out.count("unchanged"), error) == (0, 0, "")
    assert loaded.table("load_manifest").schema == good.schema


def test_rows_set_aside_earlier_still_count_when_nothing_changed(converter: Converter) -> None:
    converter.write("races.csv", RACES + "x,Imola,,\n")
    assert converter.run("--max-bad-rows", "1")[0] == 0
    kept = converter.quarantine("races")
    code, out, _ = converter.run("--max-bad-rows", "1")
    assert code == 0
    assert "unchanged" in out
    assert "races: 1 row set aside" in out
    assert converter.quarantine("races") == kept
    assert converter.manifest("races")["rows_quarantined"] == 1
    assert converter.run()[0] == 2
    assert converter.quarantine("races", "quarantine/refused") == kept
    (converter.data / "quarantine" / "races.csv").unlink()
    assert converter.run("--max-bad-rows", "1")[0] == 0
    assert converter.quarantine("races") == kept


# --- two runs at the same time, and killed runs ---------------------------------------------------------


def test_a_second_run_is_refused_at_once(loaded: Converter) -> None:
    before = loaded.snapshot()
    hold = "import sys, time; from pathlib import Path; from pitwall.data_folder import locked\n"
    hold += "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, loaded.data],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parent)},
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        second = subprocess.run(
            [sys.executable, SCRIPT, loaded.raw, "--data", loaded.data, "--schema", loaded.schema],
            capture_output=True,
            text=True,
            timeout=20,
        )
        holder.communicate("")
    assert second.returncode == TEMPORARY
    assert second.stderr.count("\n") == 1
    assert "another run is using this folder" in second.stderr
    assert loaded.snapshot() == before
    assert loaded.run()[0] == 0


def test_the_lock_is_held_during_the_whole_run(converter: Converter, monkeypatch: pytest.MonkeyPatch) -> None:
    original = csv_to_parquet.swap

    def check_lock_and_swap(data: Path) -> None:
        with (data / ".lock").open() as handle, pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        original(data)

    monkeypatch.setattr(csv_to_parquet, "swap", check_lock_and_swap)
    assert converter.run()[0] == 0


# Runs the script, and kills itself before the n-th step.
KILL = """
import os, pathlib, signal, sys
sys.path.insert(0, sys.argv[1])
import csv_to_parquet
wanted, done = int(sys.argv[2]), 0
def counted(owner, name):
    original = getattr(owner, name)
    def step(*args, **kwargs):
        global done
        if done == wanted:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1
        return original(*args, **kwargs)
    setattr(owner, name, step)
for owner, name in [(pathlib.Path, "rename"), (pathlib.Path, "mkdir"), (csv_to_parquet.shutil, "rmtree"),
                    (csv_to_parquet, "load_table")]:
    counted(owner, name)
sys.exit(csv_to_parquet.main(sys.argv[3:]))
"""


def test_killed_at_any_step_leaves_the_old_state_or_the_new(converter: Converter) -> None:
    """SIGKILL before each rename, mkdir, removal and table in turn, until a run succeeds."""
    converter.write("races.csv", RACES + "x,Imola,,\n")
    assert converter.run("--max-bad-rows", "2")[0] == 0
    old = (converter.table("races").rows(), converter.quarantine("races"))
    bigger = RACES + "3,Imola,,\ny,Monaco,,\nz,Suzuka,,\n"
    is_old_state = []
    program = converter.raw.with_name("kill.py")
    program.write_text(KILL, encoding="utf-8")
    arguments = [converter.raw, "--data", converter.data, "--schema", converter.schema, "--max-bad-rows", "2"]
    for step in range(40):
        if is_old_state and not is_old_state[-1]:
            converter.write("races.csv", RACES + "x,Imola,,\n")
            assert converter.run("--max-bad-rows", "2")[0] == 0
        converter.write("races.csv", bigger)
        killed = run(program, SCRIPT.parent, str(step), *arguments)
        with csv_to_parquet.locked(converter.data):
            csv_to_parquet.recover(converter.data)
        assert sorted(path.name for path in converter.data.iterdir()) == [
            ".lock",
            ".pitwall",
            "parquet",
            "quarantine",
        ]
        now = (converter.table("races").rows(), converter.quarantine("races"))
        assert now == old or (len(now[0]), len(now[1])) == (3, 2)
        assert converter.manifest("races")["rows_quarantined"] == len(now[1])
        is_old_state.append(now == old)
        if killed.returncode == 0:
            break
        assert killed.returncode == -9
    assert killed.returncode == 0
    assert is_old_state == sorted(is_old_state, reverse=True)
    assert is_old_state.count(False) > 1


def test_killed_at_any_step_of_a_run_that_fails_leaves_the_old_state(converter: Converter) -> None:
    converter.write("races.csv", RACES + "x,Imola,,\n")
    assert converter.run("--max-bad-rows", "9")[0] == 0
    before = converter.snapshot()
    converter.write("races.csv", RACES + "y,Imola,,\nz,Monaco,,\n")
    converter.write("laps.csv", b"")
    arguments = [converter.raw, "--data", converter.data, "--schema", converter.schema, "--max-bad-rows", "9"]
    program = converter.raw.with_name("kill.py")
    program.write_text(KILL, encoding="utf-8")
    for step in range(40):
        killed = run(program, SCRIPT.parent, str(step), *arguments)
        with csv_to_parquet.locked(converter.data):
            csv_to_parquet.recover(converter.data)
        assert converter.snapshot() == before
        if killed.returncode == 2:
            break
        assert killed.returncode == -9
    assert killed.returncode == 2


def test_recovers_the_old_parquet_and_removes_leftovers(loaded: Converter) -> None:
    before = loaded.snapshot()
    (loaded.data / "parquet").rename(loaded.data / "parquet.old")
    for leftover in ("parquet.new", "quarantine.new", ".tmp"):
        (loaded.data / leftover).mkdir()
        (loaded.data / leftover / "half.csv").write_text("x")
    loaded.write("races.csv", b"")
    assert loaded.run()[0] == 2
    assert loaded.snapshot() == before
    (loaded.data / "parquet").rename(loaded.data / "parquet.old")
    (loaded.data / "parquet.new").mkdir()
    loaded.write("races.csv", RACES)
    code, out, _ = loaded.run()
    assert code == 0
    assert out.count("unchanged") == 2
    assert sorted(path.name for path in loaded.data.iterdir()) == [
        ".lock",
        ".pitwall",
        "parquet",
        "quarantine",
    ]


# --- the command ----------------------------------------------------------------------------------------


def test_runs_as_a_script_from_anywhere_with_the_default_data_folder(
    converter: Converter, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", SCRIPT, converter.raw, "--schema", converter.schema],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PITWALL_DATA"},
        timeout=20,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "data" / "parquet" / "races.parquet").is_file()


def test_data_folder_comes_from_the_environment(
    converter: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PITWALL_DATA", str(converter.data))
    assert csv_to_parquet.main([str(converter.raw), "--schema", str(converter.schema)]) == 0
    assert (converter.data / "parquet" / "laps.parquet").is_file()


@pytest.mark.parametrize(("name", "shown"), [("d\u00e9", "d\\xe9"), ("a\nb\x1b[2J", "a b?[2J")])
def test_any_path_can_be_printed_in_any_encoding(
    converter: Converter, monkeypatch: pytest.MonkeyPatch, name: str, shown: str
) -> None:
    converter.data = converter.data.with_name(name)
    out, error = (io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", error)
    arguments = ["--data", str(converter.data), "--schema", str(converter.schema)]
    assert csv_to_parquet.main([str(converter.raw), *arguments]) == 0
    assert csv_to_parquet.main([str(converter.data / "none"), *arguments]) == 2
    for stream, end in ((out, "parquet"), (error, "none: no such folder or zip")):
        stream.flush()
        line = stream.buffer.getvalue().decode().splitlines()[-1]
        assert line.endswith(f"/{shown}/{end}")


def test_help_explains_input_options_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        csv_to_parquet.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for words in ("archive.zip", "https://", "quarantine/", "--max-bad-rows", "\\N", "Exit code"):
        assert words in text


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("raceId", "race_id"),
        ("raceID", "race_id"),
        (" race_id ", "race_id"),
        ("fastestLapSpeed", "fastest_lap_speed"),
        ("fp1_date", "fp1_date"),
        ("Date Of Accident", "date_of_accident"),
        ("not a name", "not a name"),
        ("q1", "q1"),
    ],
)
def test_snake_case_names(header: str, name: str) -> None:
    assert raw_schema.snake_case(header) == name


def test_run_raises_a_plain_error_to_a_script_that_imports_it(converter: Converter) -> None:
    (converter.raw / "laps.csv").unlink()
    with csv_to_parquet.locked(converter.data), pytest.raises(PlainError, match=r"no laps\.csv in it"):
        csv_to_parquet.run(str(converter.raw), converter.data, schema=converter.schema)


# --- the real schema and the real data ------------------------------------------------------------------

ROWS = {
    "circuits": 77,
    "constructor_results": 12_805,
    "constructor_standings": 13_571,
    "constructors": 212,
    "driver_standings": 35_235,
    "drivers": 864,
    "lap_times": 589_081,
    "pit_stops": 12_016,
    "qualifying": 10_854,
    "races": 1_149,
    "results": 27_118,
    "seasons": 76,
    "sprint_results": 420,
    "status": 139,
}


def test_schema_declares_the_fourteen_tables_with_their_keys() -> None:
    tables = {table.name: table for table in raw_schema.read_tables(raw_schema.SOURCES)}
    assert sorted(tables) == sorted(ROWS)
    for table in tables.values():
        assert set(table.key) <= {column.name for column in table.columns}


@pytest.fixture(scope="module")
def real_data() -> Path:
    """The folder of the real CSVs. Skips the test if there is none."""
    named = os.environ.get("PITWALL_REAL_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data" / "ergast"
    if not named and not folder.is_dir():
        pytest.skip("no real data: point PITWALL_REAL_DATA at a folder of the real CSVs")
    return folder


def test_all_rows_of_the_real_data_are_converted(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert csv_to_parquet.main([str(real_data), "--data", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    manifest = pl.read_parquet(tmp_path / "parquet" / "load_manifest.parquet")
    rows = dict(manifest.select("table_name", "rows_converted").iter_rows())
    assert {table: rows[table] for table in ROWS} == ROWS
    # The archive has the other tables in another folder, so here they have no rows.
    assert not any(count for table, count in rows.items() if table not in ROWS)
    assert manifest["rows_quarantined"].sum() == 0
    assert "races: 24 short rows filled with NULL" in out
    assert "sprint_results: columns come in another order" in out
    for table in raw_schema.read_tables(raw_schema.SOURCES):
        frame = pl.read_parquet(tmp_path / "parquet" / f"{table.name}.parquet")
        assert frame.schema == {column.name: column.dtype for column in table.columns}
        with (real_data / f"{table.name}.csv").open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            header = [raw_schema.snake_case(name) for name in next(reader)]
            for text, row in zip(reader, frame.iter_rows(), strict=True):
                fields = dict(zip(header, text, strict=False))
                for column, value in zip(table.columns, row, strict=True):
                    cell = fields.get(column.name, "\\N")
                    if isinstance(value, Decimal):
                        assert value == Decimal(cell)
                    else:
                        assert cell == ("\\N" if value is None else str(value))
