"""The dump of jolpica-f1: what becomes of each thing in it, which ids it gets, and what is odd or refused.

The dump here is invented: two drivers of one team and others of another, in three rounds.
"""

import csv
import shutil
import subprocess
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from conftest import SCRIPTS, run

import csv_to_parquet
from pitwall.raw.jolpica.dump import COLUMNS, OPTIONAL, SQL
from pitwall.raw.schema import SOURCES, read_tables

Table = list[dict[str, Any]]
SHORT = {  # names of columns in the tables below
    "rank": "fastest_lap_rank",
    "laps": "laps_completed",
    "dob": "date_of_birth",
    "own_number": "permanent_car_number",
}


def table(text: str) -> Table:
    """The rows of a table that is written with spaces; `-` is NULL, and `_` a space."""
    header, *lines = [line.split() for line in text.strip().splitlines()]
    return [
        {
            name: "" if value == "-" else value.replace("_", " ")
            for name, value in zip(header, line, strict=True)
        }
        for line in lines
    ]


def a_dump() -> dict[str, Table]:
    """Round 1 of 2024 has everything; round 2 is to come. Round 1 of 1990 has a car that did not qualify."""
    return {
        "season": table("""
            id championship_system_id wikipedia year
            1 1 https://example.com/2024 2024
            2 1 https://example.com/1990 1990
            3 2 https://example.com/1958 1958
        """),
        "championshipsystem": table("""
            id team_best_results team_points_per_session
            1 -1 0
            2 6 1
        """),
        "pointsystem": table("""
            id driver_fastest_lap team_position_points
            1 0 0
            2 0 7
            3 2 1
        """),
        "championshipadjustment": table("""
            id adjustment season_id team_id
            1 102 1 72
        """),
        "circuit": table("""
            id altitude country latitude locality longitude name reference wikipedia
            5 10 Italy 45.6 Monza 9.2 Monza monza https://example.com/monza
            6 401 Belgium 50.4 Spa 5.9 Spa spa https://example.com/spa
        """),
        "driver": table("""
            id reference abbreviation dob forename surname nationality own_number wikipedia
            51 one ONE 1990-01-01 Ann One British 1 https://example.com/one
            52 two TWO 1990-01-02 Bea Two French 2 https://example.com/two
            53 three - 1990-01-03 Cid Three German - https://example.com/three
            54 four - 1990-01-04 Dan Four Dutch - https://example.com/four
            55 five - 1990-01-05 Eve Five Swiss - https://example.com/five
            56 six - 1990-01-06 Fay Six Irish - https://example.com/six
        """),
        "team": table("""
            id name nationality reference wikipedia
            71 Red Italian red https://example.com/red
            72 Blue British blue https://example.com/blue
        """),
        "teamdriver": table("""
            id driver_id team_id
            81 51 71
            82 52 71
            83 53 72
            84 54 72
            85 55 72
            86 56 72
        """),
        "round": table("""
            id circuit_id date is_cancelled name number season_id wikipedia
            11 5 2024-09-01 f Italian_GP 1 1 https://example.com/2024-1
            12 6 2024-09-08 f Belgian_GP 2 1 https://example.com/2024-2
            13 6 1990-08-26 f Wet_GP 1 2 https://example.com/1990-1
            14 5 1958-09-07 f Old_GP 1 3 https://example.com/1958-1
        """),
        "session": table("""
            id has_time_data point_system_id round_id timestamp type
            21 t 2 11 2024-09-01_13:00:00+00 R
            22 t 1 11 2024-08-31_14:00:00+00 Q1
            23 t 1 11 2024-08-31_14:00:00+00 Q2
            24 t 2 11 2024-08-31_10:00:00+00 SR
            25 t 1 11 2024-08-30_14:30:00+00 SQ1
            26 t 1 11 2024-08-30_10:30:00+00 FP1
            27 t 2 12 2024-09-08_13:00:00+02 R
            28 f 2 13 1990-08-26_00:00:00+00 R
            29 f 1 13 1990-08-25_00:00:00+00 QB
            30 f 3 14 1958-09-07_00:00:00+00 R
        """),
        "roundentry": table("""
            id car_number round_id team_driver_id
            101 1 11 81
            102 2 11 82
            103 3 11 83
            104 4 11 84
            105 5 11 85
            106 6 11 86
            107 1 13 81
            108 2 13 82
            109 3 14 83
            110 4 14 84
            111 7 11 86
        """),
        "sessionentry": table("""
            id detail rank grid is_classified laps points position round_entry_id session_id status time
            201 Finished 1 1 t 50 25 1 101 21 0 01:20:00.5
            202 Finished 2 2 t 50 18 2 102 21 0 01:20:01.75
            203 Lapped - 3 t 48 15 3 103 21 1 01:20:30
            204 Engine - 4 f 12 0 4 104 21 11 00:20:00
            205 Not_classified - 5 f 30 0 5 105 21 1 -
            206 Disqualified - 6 t 50 0 6 106 21 20 01:21:10
            207 - - - t 0 0 1 101 22 0 -
            208 - - - t 0 0 2 102 22 0 -
            209 - - - t 0 0 1 101 23 0 -
            210 Finished 1 1 t 20 8 1 101 24 0 00:30:00
            211 Did_not_start - 0 f 0 0 2 102 24 30 -
            212 - - - t - - 1 101 25 - -
            213 Finished - 1 t 44 9 1 107 28 0 01:30:00
            214 Finished 1 1 t 60 9 1 109 30 0 02:00:00
            215 Finished - 2 t 60 6 2 110 30 0 02:00:05
        """),
        "lap": table("""
            id average_speed is_entry_fastest_lap number position session_entry_id time
            301 - f 1 1 201 00:01:40
            302 240.5 t 2 1 201 00:01:30.123
            303 - f 1 2 202 00:11:41.5
            304 - t 9 - 202 00:01:31
            305 - t - - 207 00:01:20.001
            306 - t - - 208 00:01:21
            307 - f - - 207 00:01:19
            308 - t - - 209 00:01:19.5
            309 - t 7 - 210 00:01:35.5
            310 - t 30 1 213 00:01:50
        """),
        "pitstop": table("""
            id duration lap_id local_timestamp number session_entry_id
            401 00:00:22.05 301 15:20:10 1 201
            402 00:25:01.5 302 15:40:00 2 201
        """),
        "driverchampionship": table("""
            id adjustment_type driver_id points position round_id win_count
            501 0 51 8 1 - 1
            502 0 51 33 1 11 1
            503 0 52 18 2 11 0
            504 0 53 15 - 11 0
            505 101 54 0 - 11 0
            506 102 55 0 - 11 0
        """),
        "teamchampionship": table("""
            id adjustment_type points position round_id team_id win_count
            601 0 51 1 11 71 1
            602 102 15 - 11 72 0
        """),
    }


@dataclass
class Converter:
    """Writes the dump, and converts what it is given into a data folder."""

    folder: Path
    dump: dict[str, Table] = field(default_factory=a_dump)
    printed: str = ""

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def write(self) -> Path:
        raw = self.folder / "dump"
        shutil.rmtree(raw, ignore_errors=True)
        raw.mkdir()
        for name, rows in self.dump.items():
            for row in rows:
                for short, long in SHORT.items():
                    if short in row:
                        row[long] = row.pop(short)
            columns = list(rows[0]) if rows else ["id", *COLUMNS[name].split()]
            with (raw / f"formula_one_{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows)
        return raw

    def run(self, raw: Path | None = None, *options: str) -> str:
        """Convert the dump, or what is named. Returns what was printed; it must not fail."""
        code, self.printed, error = self.convert(str(raw or self.write()), *options)
        assert (code, error) == (0, "")
        return self.printed

    def refuses(self, raw: Path | None = None, *options: str) -> str:
        """Convert what must be refused. Returns the line that says why."""
        code, _, error = self.convert(str(raw or self.write()), *options)
        assert (code, error.count("\n")) == (2, 1)
        return error

    def convert(self, *arguments: str) -> tuple[int, str, str]:
        """Returns the exit code, and what was printed to stdout and stderr."""
        with redirect_stdout(StringIO()) as printed, redirect_stderr(StringIO()) as error:
            code = csv_to_parquet.main([*arguments, "--data", str(self.data)])
        return code, printed.getvalue(), error.getvalue()

    def rows(self, name: str, *columns: str) -> list[tuple[Any, ...]]:
        rows = pl.read_parquet(self.data / "parquet" / f"{name}.parquet")
        return (rows.select(columns) if columns else rows).rows()

    def quarantine(self, name: str, folder: str = "quarantine") -> list[tuple[str, str]]:
        with (self.data / folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            return [(row["column"], row["value"]) for row in csv.DictReader(file)]


@pytest.fixture
def converter(tmp_path: Path) -> Converter:
    return Converter(tmp_path)


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Converter:
    """The dump as it is, converted. Only to read."""
    converter = Converter(tmp_path_factory.mktemp("converted"))
    converter.run()
    return converter


# --- the correspondences --------------------------------------------------------------------------------


def test_there_is_a_query_for_each_raw_table() -> None:
    assert {path.stem for path in (SQL / "tables").glob("*.sql")} == {
        one.name for one in read_tables(SOURCES)
    }


def test_results_are_described_as_ergast_does(converted: Converter) -> None:
    names = dict(converted.rows("status"))
    columns = ("number", "position", "position_text", "laps", "time", "milliseconds", "status_id")
    rows = [(*row[:-1], names[row[-1]]) for row in converted.rows("results", *columns)]
    assert rows[:6] == [
        (1, 1, "1", 50, "1:20:00.500", 4_800_500, "Finished"),
        (2, 2, "2", 50, "+1.250", 4_801_750, "Finished"),
        (3, 3, "3", 48, None, None, "+2 Laps"),
        (4, None, "R", 12, None, None, "Engine"),
        (5, None, "N", 30, None, None, "Not classified"),
        (6, None, "D", 50, "+1:09.500", 4_870_000, "Disqualified"),
    ]


def test_a_car_one_lap_down_has_a_lap_in_the_singular(converter: Converter) -> None:
    converter.dump["sessionentry"][2]["laps"] = "49"
    converter.run()
    names = dict(converter.rows("status"))
    assert "+1 Lap" in [names[status] for (status,) in converter.rows("results", "status_id")]


def test_a_car_without_a_result_did_not_qualify_until_2022(converted: Converter) -> None:
    """Car 2 of 1990 has no entry in the race. Car 7 of 2024 has none either: its driver only practised."""
    assert "1 cars without an entry in their race" in converted.printed
    columns = ("number", "position_text", "position_order", "grid", "laps", "points")
    [extra] = [row for row in converted.rows("results", *columns) if row[1] == "F"]
    assert extra == (2, "F", 2, 0, 0, 0)
    assert 7 not in [number for (number,) in converted.rows("results", "number")]


def test_fastest_laps_come_from_the_laps(converted: Converter) -> None:
    columns = ("fastest_lap", "rank", "fastest_lap_time", "fastest_lap_speed")
    first, second, *_ = converted.rows("results", *columns)
    assert [*map(str, first)] == ["2", "1", "1:30.123", "240.500"]
    assert second[:3] == (9, 2, "1:31.000")


def test_sprints_have_a_table_of_their_own(converted: Converter) -> None:
    columns = ("number", "position_text", "points", "laps", "milliseconds", "fastest_lap_time")
    assert [(*row[:2], int(row[2]), *row[3:]) for row in converted.rows("sprint_results", *columns)] == [
        (1, "1", 8, 20, 1_800_000, "1:35.500"),
        (2, "W", 0, 0, None, None),
    ]


def test_qualifying_times_are_the_fastest_laps_of_the_sessions(converter: Converter) -> None:
    """The dump does not mark lap 307, which was deleted. The place is that of the last session."""
    converter.dump["sessionentry"][6]["position"] = "2"
    converter.run()
    assert converter.rows("qualifying", "number", "position", "q1", "q2", "q3") == [
        (1, 1, "1:20.001", "1:19.500", None),
        (2, 2, "1:21.000", None, None),
    ]


def test_laps_and_stops(converted: Converter) -> None:
    """A fastest lap without a position is not part of a lap chart with positions; alone it is no chart."""
    assert [row[2:] for row in converted.rows("lap_times")] == [
        (1, 1, "1:40.000", 100_000),
        (2, 1, "1:30.123", 90_123),
        (1, 2, "11:41.500", 701_500),
    ]
    assert [row[2:] for row in converted.rows("pit_stops")] == [
        (1, 1, "15:20:10", "22.050", 22_050),
        (2, 2, "15:40:00", "25:01.500", 1_501_500),
    ]


def test_laps_without_any_position_are_laps(converter: Converter) -> None:
    for lap in converter.dump["lap"]:
        lap["position"] = ""
    converter.run()
    assert len(converter.rows("lap_times")) == 4


def test_sessions_are_dates_and_times_of_the_race(converted: Converter) -> None:
    """The qualifying of the sprint is the second practice, as in Ergast. Times become UTC."""
    rows = pl.read_parquet(converted.data / "parquet" / "races.parquet")
    columns = (
        "time",
        "fp1_time",
        "fp2_date",
        "fp2_time",
        "fp3_date",
        "quali_date",
        "quali_time",
        "sprint_time",
    )
    first, second, third, _ = [[str(value) for value in row] for row in rows.select(columns).rows()]
    assert first == [
        "13:00:00",
        "10:30:00",
        "2024-08-30",
        "14:30:00",
        "None",
        "2024-08-31",
        "14:00:00",
        "10:00:00",
    ]
    assert second[0] == "11:00:00"
    assert third == ["None"] * 8  # a day that is counted back from the race is not known


def test_standings_are_those_after_the_last_session_of_a_round(converted: Converter) -> None:
    rows = converted.rows("driver_standings", "points", "position", "position_text", "wins")
    assert [(int(points), *others) for points, *others in rows] == [
        (33, 1, "1", 1),
        (18, 2, "2", 0),
        (15, None, "-", 0),
        (0, None, "D", 0),
        (0, None, "E", 0),
    ]
    assert [text for (text,) in converted.rows("constructor_standings", "position_text")] == ["1", "E"]


def test_points_of_constructors_are_added_up(converted: Converter) -> None:
    """2024: both cars and the sprint, and Blue was excluded. 1958: the best car, without its fastest lap."""
    rows = converted.rows("constructor_results", "race_id", "constructor_id", "points", "status")
    assert [(race % 100, team % 100, int(points), status) for race, team, points, status in rows] == [
        (11, 71, 51, None),
        (11, 72, 15, "D"),
        (13, 71, 9, None),
        (14, 72, 8, None),
    ]


def test_people_and_places(converted: Converter) -> None:
    assert converted.rows("drivers", "driver_ref", "code", "number")[:3] == [
        ("one", "ONE", 1),
        ("two", "TWO", 2),
        ("three", None, None),
    ]
    assert converted.rows("constructors", "constructor_ref", "name") == [("red", "Red"), ("blue", "Blue")]
    assert converted.rows("circuits", "circuit_ref", "location", "alt") == [
        ("monza", "Monza", 10),
        ("spa", "Spa", 401),
    ]
    assert converted.rows("seasons", "year") == [(1958,), (1990,), (2024,)]


# --- the ids --------------------------------------------------------------------------------------------


IDS = {"race_id": 999_900, "driver_id": 999_950, "constructor_id": 999_960, "circuit_id": 999_000}
IDS |= {"result_id": 999_800, "qualify_id": 999_700, "driver_standings_id": 999_990}


def write_archive(converter: Converter, raw: Path) -> Path:
    """Write the converted tables as CSVs of an archive, in which the ids of each kind are lower."""
    raw.mkdir()
    for one in read_tables(SOURCES):
        rows = pl.read_parquet(converter.data / "parquet" / f"{one.name}.parquet")
        lower = [pl.col(name) - by for name, by in IDS.items() if name in rows.columns]
        rows.with_columns(lower).write_csv(raw / f"{one.name}.csv", null_value="\\N")
    return raw


@pytest.fixture(scope="module")
def archive(converted: Converter) -> Path:
    """An archive of the same championship with other ids. Only to read."""
    return write_archive(converted, converted.folder / "archive")


def test_what_is_new_gets_its_id_in_the_dump_and_a_million(converted: Converter) -> None:
    assert [row[0] for row in converted.rows("races")] == [1_000_011, 1_000_012, 1_000_013, 1_000_014]
    assert next(row[:4] for row in converted.rows("results")) == (1_000_201, 1_000_011, 1_000_051, 1_000_071)


def test_what_the_last_conversion_knows_keeps_its_id(converter: Converter, archive: Path) -> None:
    converter.run(archive)
    known = {one.name: set(converter.rows(one.name)) for one in read_tables(SOURCES)}
    converter.run()
    assert {one.name: set(converter.rows(one.name)) for one in read_tables(SOURCES)} == known
    converter.run()  # and again, now known from the dump itself
    assert {one.name: set(converter.rows(one.name)) for one in read_tables(SOURCES)} == known


def test_a_race_is_known_by_two_of_round_circuit_and_date(converter: Converter, archive: Path) -> None:
    converter.run(archive)
    monza, spa = converter.dump["round"][:2]
    new = {"id": "15", "circuit_id": "6", "date": "2024-08-01", "name": "New GP", "number": "1"}
    converter.dump["round"].append(monza | new)
    monza["number"], spa["number"], spa["date"] = "2", "3", "2024-09-15"
    printed = converter.run()
    races = {name: race_id for race_id, name in converter.rows("races", "race_id", "name")}
    # The Belgian GP has another round and another date, so it counts as a new race at a known circuit.
    assert races == {
        "Italian GP": 111,
        "Belgian GP": 1_000_012,
        "New GP": 1_000_015,
        "Wet GP": 113,
        "Old GP": 114,
    }
    assert "round 1 of 2024, New GP, is new: the known data lack it" in printed


def test_a_race_on_another_date_is_reported_and_keeps_its_id(converter: Converter, archive: Path) -> None:
    converter.run(archive)
    converter.dump["round"][1]["date"] = "2024-09-15"
    assert (
        "  round 2 of 2024, Belgian GP, is on 2024-09-15 in the dump and on 2024-09-08 in the known data\n"
        in converter.run()
    )
    assert 112 in [row[0] for row in converter.rows("races")]


def test_a_driver_with_two_results_keeps_both_ids(converter: Converter) -> None:
    """By car; and by place if the numbers of the cars differ."""
    converter.dump["roundentry"][1]["team_driver_id"] = "81"
    converter.dump["lap"][2]["number"] = "3"
    converter.run()
    converter.run(write_archive(converter, converter.folder / "archive"))
    before = converter.rows("results", "result_id", "position_order")
    converter.dump["roundentry"][0]["car_number"] = "77"
    converter.run()
    assert converter.rows("results", "result_id", "position_order") == before


def test_ids_of_simulated_data_are_not_known(converter: Converter, archive: Path) -> None:
    simulated = shutil.copytree(archive, converter.folder / "simulated")
    text = (archive / "seasons.csv").read_text(encoding="utf-8").replace("example.com", "example.org")
    (simulated / "seasons.csv").write_text(text, encoding="utf-8")
    converter.run(simulated)
    converter.run()
    assert min(row[0] for row in converter.rows("races")) == 1_000_011


# --- odd and bad input ----------------------------------------------------------------------------------


def test_a_zip_is_recognised(converter: Converter) -> None:
    folder = converter.write()
    archive = converter.folder / "dump.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in folder.iterdir():
            zipped.write(path, f"dump/{path.name}")
    converter.run(archive)
    assert len(converter.rows("results")) == 10


def test_more_tables_and_columns_make_no_difference(converter: Converter) -> None:
    raw = converter.write()
    (raw / "formula_one_penalty.csv").write_text("id,time\n1,5\n")
    converter.run(raw)
    before = converter.rows("drivers")
    for row in converter.dump["driver"]:
        row["api_id"] = "driver_x"
    converter.run()
    assert converter.rows("drivers") == before


@pytest.mark.parametrize("name", sorted(COLUMNS.keys() - OPTIONAL.keys()))
def test_a_dump_without_a_table_is_refused(converter: Converter, name: str) -> None:
    del converter.dump[name]
    assert f"a dump of jolpica-f1 without formula_one_{name}.csv; get a whole dump" in converter.refuses()
    assert not (converter.data / "parquet").exists()


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_dump_may_lack_some_tables(converter: Converter, name: str) -> None:
    del converter.dump[name]
    assert f"  no formula_one_{name}.csv: {OPTIONAL[name]}\n" in converter.run()
    assert (len(converter.rows("driver_standings")) == 0) == (name == "driverchampionship")
    assert (len(converter.rows("constructor_standings")) == 0) == (name == "teamchampionship")


def test_a_table_without_a_column_is_refused(converter: Converter) -> None:
    for row in converter.dump["driver"]:
        del row["reference"]
    assert "formula_one_driver.csv: no column reference; its layout is not known here" in converter.refuses()


def test_a_repeated_id_is_refused(converter: Converter) -> None:
    converter.dump["driver"][1]["id"] = "51"
    assert "formula_one_driver.csv: an id is NULL or repeats" in converter.refuses()


def test_a_ragged_row_is_refused(converter: Converter) -> None:
    raw = converter.write()
    with (raw / "formula_one_team.csv").open("a") as file:
        file.write("73,Green\n")
    assert "formula_one_team.csv: 1 row with another number of fields than the header" in converter.refuses(
        raw
    )


def test_a_damaged_zip_is_refused(converter: Converter) -> None:
    archive = converter.folder / "dump.zip"
    archive.write_bytes(b"PK")
    assert "not a zip, or a damaged one" in converter.refuses(archive)


def test_rows_that_cannot_be_mapped_are_set_aside(converter: Converter) -> None:
    """Unknown keys, and values that are none: the row comes to quarantine with what was found."""
    converter.dump["sessionentry"][1]["time"] = "yesterday"
    converter.dump["sessionentry"][2]["session_id"] = "999"
    converter.dump["sessionentry"][3]["round_entry_id"] = "998"
    converter.dump["lap"][0]["time"] = "slow"
    converter.dump["pitstop"][1]["lap_id"] = "997"
    assert "5 unfit rows (lap_times 1, pit_stops 1, results 3), 0 allowed" in converter.refuses()
    assert converter.quarantine("results", "quarantine/refused") == [
        ("milliseconds", "yesterday"),
        ("race_id", "no session 999"),
        ("driver_id", "no driver of round entry 998"),
    ]
    converter.run(None, "--max-bad-rows=5")
    assert converter.quarantine("lap_times") == [("milliseconds", "slow")]
    assert converter.quarantine("pit_stops") == [("lap", "no lap 997")]


def test_a_new_status_code_is_reported_and_kept(converter: Converter) -> None:
    converter.dump["sessionentry"][3] |= {"status": "12", "detail": ""}
    printed = converter.run()
    assert "  status code 12 is not known: the status of its 1 entries is the text of the dump" in printed
    names = dict(converter.rows("status"))
    rows = converter.rows("results", "position_text", "status_id")
    assert [text for text, status in rows if names[status] == "Status 12"] == ["R"]


def test_sessions_without_a_raw_table_are_reported(converted: Converter) -> None:
    assert "  session type SQ1: no raw table has its 1 entries, which are left out\n" in converted.printed


def test_a_cancelled_round_is_reported_and_left_out(converter: Converter) -> None:
    converter.dump["round"][1]["is_cancelled"] = "t"
    assert "  round 2 of 2024, Belgian GP, is cancelled and left out\n" in converter.run()
    assert len(converter.rows("races")) == 3


def test_a_second_run_finds_nothing_changed(converter: Converter) -> None:
    converter.run()
    assert converter.run().count("unchanged") == 14


# --- both at once ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wrong_archive(archive: Path) -> Path:
    """The archive, but race 1 has a wrong time and no laps. Only to read."""
    wrong = shutil.copytree(archive, archive.with_name("wrong_archive"))
    laps = (archive / "lap_times.csv").read_text(encoding="utf-8")
    (wrong / "lap_times.csv").write_text(laps.partition("\n")[0] + "\n", encoding="utf-8")
    results = (archive / "results.csv").read_text(encoding="utf-8").replace("4801750", "4801999")
    (wrong / "results.csv").write_text(results, encoding="utf-8")
    return wrong


def test_the_dump_fills_what_the_archive_lacks(converter: Converter, wrong_archive: Path) -> None:
    """The laps come from the dump, with the ids of the archive. The wrong time stays, and is listed."""
    printed = converter.run(wrong_archive, "--also", str(converter.write()))
    assert "  1 cell in which the sources differ: quality.source_disagreements\n" in printed
    assert [row[:3] for row in converter.rows("lap_times")] == [(111, 101, 1), (111, 101, 2), (111, 102, 1)]
    assert 4_801_999 in [time for (time,) in converter.rows("results", "milliseconds")]
    [row] = converter.rows("source_disagreements")
    assert row[:8] == (
        "results",
        "result_id=402",
        "milliseconds",
        2024,
        "archive",
        "4801999",
        "jolpica",
        "4801750",
    )


def test_the_manifest_counts_merged_rows(converter: Converter, wrong_archive: Path) -> None:
    converter.dump["lap"][0]["time"] = "slow"
    converter.run(wrong_archive, "--also", str(converter.write()), "--max-bad-rows", "1")
    manifest = pl.read_parquet(converter.data / "parquet" / "load_manifest.parquet")
    laps = manifest.filter(pl.col("table_name") == "lap_times").to_dicts()[0]
    assert (laps["rows_read"], laps["rows_converted"], laps["rows_quarantined"]) == (3, 2, 1)
    assert laps["source_name"] == "lap_times.csv + jolpica"
    assert converter.quarantine("jolpica_lap_times") == [("milliseconds", "slow")]


def test_one_source_after_two_is_converted_again(converter: Converter, wrong_archive: Path) -> None:
    converter.run(wrong_archive, "--also", str(converter.write()))
    converter.run(wrong_archive)
    assert (converter.rows("lap_times"), converter.rows("source_disagreements")) == ([], [])
    assert "unchanged" in converter.run(wrong_archive)


def test_also_needs_a_dump_beside_an_archive(converter: Converter, wrong_archive: Path) -> None:
    dump = converter.write()
    for raw, also, words in (
        (wrong_archive, wrong_archive, "no dump of jolpica-f1, which ALSO needs"),
        (dump, dump, "is a dump; with ALSO name an archive with RAW"),
        (wrong_archive, wrong_archive / "none.zip", "no such folder or zip"),
    ):
        assert words in converter.refuses(raw, "--also", str(also))


def test_without_raw_both_are_converted_again(converter: Converter, wrong_archive: Path) -> None:
    """As long as both are there. Then the converted data stay."""

    def convert(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return run(SCRIPTS / "convert_input.py", *arguments, PITWALL_DATA=converter.data)

    dump = converter.write()
    refused = convert("--also", dump)
    assert (refused.returncode, refused.stdout) == (
        2,
        "convert_input: ALSO needs RAW: name the archive with RAW and the dump with ALSO\n",
    )
    assert convert(f"--also={dump}", "--", wrong_archive).returncode == 0
    assert "cell in which the sources differ" in convert().stdout
    assert len(converter.rows("lap_times")) == 3
    shutil.rmtree(dump)
    assert f"{dump} cannot be converted again; the converted data stay" in convert().stdout
    assert len(converter.rows("lap_times")) == 3
