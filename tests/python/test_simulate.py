"""The files of the simulated championship, their rules, and the program that writes them."""

import csv
import importlib.util
import re
import subprocess
import sys
import tracemalloc
from collections import Counter, defaultdict
from itertools import accumulate
from pathlib import Path

import pytest

from pitwall.simulation.championship import Championship

SCRIPT = Path(__file__).parents[2] / "scripts" / "simulate.py"
NULL = r"\N"
HEADERS = {
    "circuits": "circuitId,circuitRef,name,location,country,lat,lng,alt,url",
    "constructor_results": "constructorResultsId,raceId,constructorId,points,status",
    "constructor_standings": "constructorStandingsId,raceId,constructorId,points,position,positionText,wins",
    "constructors": "constructorId,constructorRef,name,nationality,url",
    "driver_standings": "driverStandingsId,raceId,driverId,points,position,positionText,wins",
    "drivers": "driverId,driverRef,number,code,forename,surname,dob,nationality,url",
    "lap_times": "raceId,driverId,lap,position,time,milliseconds",
    "pit_stops": "raceId,driverId,stop,lap,time,duration,milliseconds",
    "qualifying": "qualifyId,raceId,driverId,constructorId,number,position,q1,q2,q3",
    "races": (
        "raceId,year,round,circuitId,name,date,time,url,fp1_date,fp1_time,fp2_date,fp2_time,fp3_date,fp3_time,"
        "quali_date,quali_time,sprint_date,sprint_time"
    ),
    "results": (
        "resultId,raceId,driverId,constructorId,number,grid,position,positionText,positionOrder,points,laps,time,"
        "milliseconds,fastestLap,rank,fastestLapTime,fastestLapSpeed,statusId"
    ),
    "seasons": "year,url",
    "sprint_results": (
        "resultId,raceId,driverId,constructorId,number,grid,position,positionText,positionOrder,points,laps,time,"
        "milliseconds,fastestLap,fastestLapTime,statusId,rank"
    ),
    "status": "statusId,status",
}
RACE_POINTS = [25, 18, 15, 12, 10, 8, 6, 4, 2, 1]


def load(name):
    """Import the script as a module."""
    spec = importlib.util.spec_from_file_location(name, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


simulate = load("pitwall_simulate")


def run(*arguments):
    """Run the script in a process of its own."""
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def contents(folder):
    """The bytes of each file in a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files of a run with default options."""
    out = tmp_path_factory.mktemp("simulated") / "raw"
    simulate.main([str(out)])
    return out


class Tables:
    """The files as lists of dicts, and groupings that several tests use."""

    def __init__(self, folder):
        for table in HEADERS:
            with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
                setattr(self, table, list(csv.DictReader(file)))
        self.race = {row["raceId"]: row for row in self.races}
        self.results_of = grouped(self.results)
        self.sprints_of = grouped(self.sprint_results)
        self.status_text = {row["statusId"]: row["status"] for row in self.status}
        self.laps_of = defaultdict(list)
        for row in self.lap_times:
            self.laps_of[row["raceId"], row["driverId"]].append(int(row["milliseconds"]))

    def season(self, row):
        return int(self.race[row["raceId"]]["year"])

    def is_half(self, race_id):
        """Whether the race counts for half points."""
        return (self.race[race_id]["year"], self.race[race_id]["round"]) == ("2021", "12")


def grouped(rows, key="raceId"):
    """The rows by the value of a column."""
    groups = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups


@pytest.fixture(scope="module")
def tables(folder):
    return Tables(folder)


def milliseconds(text):
    """A time or a gap as text, in milliseconds."""
    total = 0
    for part in text.lstrip("+").split(":")[:-1]:
        total = total * 60 + int(part)
    seconds, _, thousandths = text.lstrip("+").split(":")[-1].partition(".")
    return (total * 60 + int(seconds)) * 1000 + int((thousandths + "000")[:3])


def is_classified(row):
    return row["positionText"].isdigit()


# Files


def test_files_and_headers_are_those_of_ergast(folder):
    assert {path.name for path in folder.iterdir()} == {f"{table}.csv" for table in HEADERS} | {".simulated"}
    for table, header in HEADERS.items():
        text = (folder / f"{table}.csv").read_bytes()
        assert text.decode().splitlines()[0] == header, table
        assert text.endswith(b"\n")
        assert b"\r" not in text


def test_the_same_arguments_give_the_same_bytes(folder, tmp_path):
    assert run("--seed", 1950, "--seasons", 5, tmp_path / "again").returncode == 0
    assert contents(tmp_path / "again") == contents(folder)
    simulate.main(["--seed", "7", "--seasons", "1", str(tmp_path / "other")])
    assert (tmp_path / "other" / "results.csv").read_bytes()[:5000] != (folder / "results.csv").read_bytes()[
        :5000
    ]


def test_keys_are_unique_and_references_exist(tables):
    keys = {"seasons": "year", "status": "statusId"}
    for table, header in HEADERS.items():
        rows = getattr(tables, table)
        if table in ("lap_times", "pit_stops"):
            names = header.split(",")[:3]
            assert len({tuple(row[name] for name in names) for row in rows}) == len(rows), table
        else:
            key = keys.get(table, header.split(",")[0])
            found = [int(row[key]) for row in rows]
            assert found == sorted(set(found)), table
            assert found[0] == 2021 if table == "seasons" else found[0] == 1
    parents = {
        "raceId": tables.races,
        "driverId": tables.drivers,
        "constructorId": tables.constructors,
        "circuitId": tables.circuits,
        "statusId": tables.status,
        "year": tables.seasons,
    }
    for column, parent in parents.items():
        known = {row[column] for row in parent}
        for table, header in HEADERS.items():
            if column in header.split(","):
                assert {row[column] for row in getattr(tables, table)} <= known, (table, column)
    for table, ref in (
        ("drivers", "driverRef"),
        ("constructors", "constructorRef"),
        ("circuits", "circuitRef"),
    ):
        refs = [row[ref] for row in getattr(tables, table)]
        assert len(set(refs)) == len(refs)
        assert all(re.fullmatch(r"[a-z0-9_]+", text) for text in refs)
    # Race and sprint ids overlap, as in the real files.
    assert {row["resultId"] for row in tables.sprint_results} <= {row["resultId"] for row in tables.results}


def test_errors_of_real_files_occur(folder, tables):
    assert [row["nationality"] for row in tables.drivers if row["nationality"].endswith(" ")] == [
        "Argentinian "
    ]
    assert sum("&amp;" in row["name"] for row in tables.constructors) == 1
    assert {"USA", "United States", "UK", "UAE"} <= {row["country"] for row in tables.circuits}
    for table in ("drivers", "constructors", "circuits", "races", "seasons"):
        urls = [row["url"] for row in getattr(tables, table)]
        assert {url.split("example.org/")[0] for url in urls} == {"http://", "https://"}, table
        assert all("example.org/wiki/" in url for url in urls)
    assert any(not row["surname"].isascii() for row in tables.drivers)
    assert any(not row["name"].isascii() for row in tables.circuits)
    speeds = [row["fastestLapSpeed"] for row in tables.results if row["fastestLapSpeed"] != NULL]
    assert any(len(speed.partition(".")[2]) < 3 for speed in speeds)
    assert not any(speed.endswith(".") or (("." in speed) and speed.endswith("0")) for speed in speeds)
    first_line = {
        table: (folder / f"{table}.csv").read_text("utf-8").splitlines()[1]
        for table in ("drivers", "results", "races")
    }
    assert '"' in first_line["drivers"]
    assert '"' in first_line["races"]
    assert '"' not in first_line["results"]


def test_races_of_the_last_season_have_eight_fields(folder):
    rows = [line.split(",") for line in (folder / "races.csv").read_text("utf-8").splitlines()[1:]]
    for row in rows:
        assert len(row) == (8 if row[1] == "2025" else 18)
        assert re.fullmatch(r'"?([01]\d|2[0-3]):00:00"?', row[6])


def test_each_season_has_a_calendar(tables):
    for season, rows in grouped(tables.races, "year").items():
        assert [int(row["round"]) for row in rows] == list(range(1, len(rows) + 1))
        assert 21 <= len(rows) <= 24
        dates = [row["date"] for row in rows]
        assert dates == sorted(set(dates))
        assert dates[0].startswith(f"{season}-03")
        sprints = {row["raceId"] for row in rows} & set(tables.sprints_of)
        assert len(sprints) == (3 if season in ("2021", "2022") else 6)
        if season != "2025":
            assert {row["raceId"] for row in rows if row["sprint_date"] != NULL} == sprints
    clocks = {row["fp1_time"] for row in tables.races if row["year"] == "2022"}
    assert all(re.fullmatch(r"[0-2]\d:[0-5]\d:00", clock) for clock in clocks)


def test_every_special_case_occurs(tables):
    letters = Counter(row["positionText"] for row in tables.results if not is_classified(row))
    assert set(letters) == {"R", "N", "D", "W"}
    names = Counter(row["constructorId"] for row in tables.constructor_results)
    assert len(names) > 10, "a team was renamed"
    teams = {(tables.season(row), row["driverId"], row["constructorId"]) for row in tables.results}
    assert max(Counter((season, driver) for season, driver, _ in teams).values()) > 1, (
        "a driver changed teams"
    )
    assert any(len(drivers) > 2 for drivers in drivers_by_team(tables).values()), "a substitute drove"
    assert any(row["grid"] == "0" and row["laps"] != "0" for row in tables.results), (
        "a start from the pit lane"
    )
    assert any(
        is_classified(row) and int(row["statusId"]) not in {1, *range(11, 20)} for row in tables.results
    ), "a car that retired and is classified"
    fastest = [row for row in tables.results if row["rank"] == "1" and tables.season(row) < 2025]
    assert any(is_classified(row) and int(row["positionOrder"]) > 10 for row in fastest), (
        "a car with the fastest lap, and no point for it"
    )
    assert any(not is_classified(row) for row in fastest), (
        "an unclassified car with the fastest lap, and no point for it"
    )
    circuits = Counter((row["year"], row["circuitId"]) for row in tables.races)
    assert max(circuits.values()) == 2


def drivers_by_team(tables):
    drivers = defaultdict(set)
    for row in tables.results:
        drivers[tables.season(row), row["constructorId"]].add(row["driverId"])
    return drivers


# Results


def expected_order_points(tables, race_id):
    return [points / 2 if tables.is_half(race_id) else points for points in RACE_POINTS] + [0] * 20


def test_race_points_follow_the_rules(tables):
    for race_id, rows in tables.results_of.items():
        for row, points in zip(rows, expected_order_points(tables, race_id), strict=False):
            bonus = row["rank"] == "1" and tables.season(row) < 2025 and int(row["positionOrder"]) <= 10
            expected = points + bonus if is_classified(row) else 0
            assert row["points"] == f"{expected:g}", row


def test_sprint_points_follow_the_rules(tables):
    for rows in tables.sprints_of.values():
        scale = [3, 2, 1] if tables.season(rows[0]) == 2021 else [8, 7, 6, 5, 4, 3, 2, 1]
        for row, points in zip(rows, scale + [0] * 20, strict=False):
            assert row["points"] == str(points if is_classified(row) else 0)


def test_the_race_for_half_points_has_no_fastest_lap(tables):
    (race_id,) = (row["raceId"] for row in tables.races if tables.is_half(row["raceId"]))
    rows = tables.results_of[race_id]
    assert [row["points"] for row in rows[:3]] == ["12.5", "9", "7.5"]
    assert sum(float(row["points"]) for row in rows) == 50.5
    assert {row["laps"] for row in rows} == {"3"}
    absent = (NULL, "0", NULL, NULL)
    for row in rows:
        assert (row["fastestLap"], row["rank"], row["fastestLapTime"], row["fastestLapSpeed"]) == absent
    assert not [row for row in tables.pit_stops if row["raceId"] == race_id]
    assert rows[0]["time"].count(":") == 1, "a race under an hour"


def test_the_columns_of_positions_agree(tables):
    for rows in [*tables.results_of.values(), *tables.sprints_of.values()]:
        assert [int(row["positionOrder"]) for row in rows] == list(range(1, len(rows) + 1))
        assert len(rows) == 20
        assert is_classified(rows[0])
        for row in rows:
            filled = is_classified(row) or tables.season(row) >= 2025
            assert row["position"] == (row["positionOrder"] if filled else NULL)
            if is_classified(row):
                assert row["positionText"] == row["positionOrder"]
        kinds = "".join("C" if is_classified(row) else row["positionText"] for row in rows)
        assert re.fullmatch("C+[RN]*W*D*", kinds), kinds


def test_status_follows_from_the_laps(tables):
    for rows in [*tables.results_of.values(), *tables.sprints_of.values()]:
        full = int(rows[0]["laps"])
        for row in rows:
            text, laps, letter = tables.status_text[row["statusId"]], int(row["laps"]), row["positionText"]
            expected = {"D": "Disqualified", "W": "Withdrew", "N": "Not classified"}.get(letter, text)
            assert text == expected
            if letter == "W":
                assert laps == 0
            if letter in "RN":
                assert laps * 10 < full * 9, row
                assert text != "Finished"
            if is_classified(row):
                assert laps * 10 >= full * 9
            if text == "Finished":
                assert laps == full
            elif text.startswith("+"):
                assert full - laps == int(re.search(r"\d+", text)[0])
        laps = [int(row["laps"]) for row in rows if is_classified(row)]
        assert laps == sorted(laps, reverse=True)


def test_times_are_gaps_to_the_winner(tables):
    texts = set()
    for rows in [*tables.results_of.values(), *tables.sprints_of.values()]:
        winner = rows[0]
        assert milliseconds(winner["time"]) == int(winner["milliseconds"])
        assert not winner["time"].startswith("+")
        for row in rows:
            on_lead_lap = row["laps"] == winner["laps"] and row["positionText"] != "W"
            assert (row["time"] == NULL) == (row["milliseconds"] == NULL) == (not on_lead_lap)
            if row["time"].startswith("+"):
                gap = int(row["milliseconds"]) - int(winner["milliseconds"])
                assert milliseconds(row["time"]) == gap >= 0
                texts.add(re.sub(r"\d+", "9", row["time"]))
        finished = [int(row["milliseconds"]) for row in rows if is_classified(row) and row["time"] != NULL]
        assert finished == sorted(finished)
    assert texts == {"+9.9", "+9:9.9"}


def test_each_grid_slot_has_one_car(tables):
    for rows in tables.results_of.values():
        slots = [int(row["grid"]) for row in rows if row["grid"] != "0"]
        assert len(set(slots)) == len(slots)
        assert slots.count(1) == 1
        if tables.season(rows[0]) >= 2025:
            assert len(slots) == len(rows)


def test_car_numbers_are_unique_in_a_race(tables):
    number = {row["driverId"]: row["number"] for row in tables.drivers}
    for rows in tables.results_of.values():
        assert len({row["number"] for row in rows}) == len({row["driverId"] for row in rows}) == len(rows)
        assert Counter(row["constructorId"] for row in rows).most_common()[-1][1] == 2
        assert all(row["number"] == number[row["driverId"]] for row in rows)


def in_order_of(rows, column, value="driverId"):
    """The values of a column, ordered by a column of integers."""
    return [row[value] for row in sorted(rows, key=lambda row: int(row[column]))]


def test_sprint_grids_follow_the_rules_of_the_season(tables):
    qualified = grouped(tables.qualifying)
    for race_id, sprint in tables.sprints_of.items():
        race = [row for row in tables.results_of[race_id] if row["grid"] != "0"]
        sprint_order = [row["driverId"] for row in sprint]
        starters = {row["driverId"] for row in race}
        if tables.season(sprint[0]) < 2023:
            assert in_order_of(sprint, "grid") == in_order_of(qualified[race_id], "position")
            assert in_order_of(race, "grid") == [driver for driver in sprint_order if driver in starters]
        else:
            assert in_order_of(sprint, "grid") != in_order_of(qualified[race_id], "position")


def test_qualifying_has_three_sessions(tables):
    penalised = 0
    for race_id, rows in grouped(tables.qualifying).items():
        assert [int(row["position"]) for row in rows] == list(range(1, 21))
        assert {row["driverId"] for row in rows} == {row["driverId"] for row in tables.results_of[race_id]}
        for size, session in ((20, "q1"), (15, "q2"), (10, "q3")):
            assert all(row[session] == NULL for row in rows[size:])
            times = [milliseconds(row[session]) for row in rows[:size] if row[session] != NULL]
            assert len(times) >= size - 3
        times = [milliseconds(row["q3"]) for row in rows[:10] if row["q3"] != NULL]
        assert times == sorted(times)
        sprint_decides = race_id in tables.sprints_of and tables.season(rows[0]) < 2023
        grid = [row for row in tables.results_of[race_id] if row["grid"] != "0"]
        if not sprint_decides:
            order = [row["driverId"] for row in rows]
            kept = {row["driverId"] for row in grid}
            penalised += in_order_of(grid, "grid") != [driver for driver in order if driver in kept]
    assert penalised > 5


# Laps and stops


def test_laps_add_up_to_the_result(tables):
    penalties = 0
    for row in tables.results:
        laps = tables.laps_of[row["raceId"], row["driverId"]]
        assert len(laps) == int(row["laps"])
        if row["milliseconds"] != NULL:
            extra = int(row["milliseconds"]) - sum(laps)
            assert extra in (0, 5000)
            penalties += extra > 0
    assert 5 < penalties < 200
    for row in tables.lap_times:
        assert milliseconds(row["time"]) == int(row["milliseconds"])


def test_lap_positions_follow_the_clock(tables):
    clocks = {key: list(accumulate(laps)) for key, laps in tables.laps_of.items()}
    for race_id, rows in grouped(tables.lap_times).items():
        for lap, on_lap in grouped(rows, "lap").items():
            assert sorted(int(row["position"]) for row in on_lap) == list(range(1, len(on_lap) + 1))
            order = [clocks[race_id, driver][int(lap) - 1] for driver in in_order_of(on_lap, "position")]
            assert order == sorted(order)


def test_fastest_laps_are_the_shortest_and_ranked(tables):
    for race_id, rows in tables.results_of.items():
        missing = NULL if tables.season(rows[0]) >= 2025 else "0"
        timed = []
        for row in rows:
            laps = tables.laps_of[race_id, row["driverId"]]
            if tables.is_half(race_id) or not laps:
                assert row["fastestLap"] == row["fastestLapTime"] == NULL
                assert row["rank"] == missing
                continue
            assert laps[int(row["fastestLap"]) - 1] == min(laps) == milliseconds(row["fastestLapTime"])
            assert (row["fastestLapSpeed"] == NULL) == (tables.season(row) >= 2025)
            timed.append((int(row["rank"]), min(laps)))
        assert [rank for rank, _ in sorted(timed)] == list(range(1, len(timed) + 1))
        assert [lap for _, lap in sorted(timed)] == sorted(lap for _, lap in timed)


def test_sprint_ranks_are_known_from_2025(tables):
    for row in tables.sprint_results:
        known = tables.season(row) >= 2025 and row["fastestLap"] != NULL
        assert (row["rank"] != NULL) == known


def test_pit_stops_agree_with_the_laps(tables):
    for (race_id, driver), rows in pit_stops_by_car(tables).items():
        assert [int(row["stop"]) for row in rows] == list(range(1, len(rows) + 1))
        assert len(rows) <= 4
        for row in rows:
            assert re.fullmatch(r"\d\d:[0-5]\d:[0-5]\d", row["time"])
            assert re.fullmatch(r"\d\d(\.\d{1,3})?|\d+:\d\d\.\d{3}", row["duration"]), row
            assert milliseconds(row["duration"]) == int(row["milliseconds"])
            laps = tables.laps_of[race_id, driver]
            assert laps[int(row["lap"]) - 1] > min(laps) + 15_000 or len(laps) < 3
            assert laps[int(row["lap"]) - 1] > int(row["milliseconds"])


def pit_stops_by_car(tables):
    stops = defaultdict(list)
    for row in tables.pit_stops:
        stops[row["raceId"], row["driverId"]].append(row)
    return stops


def test_a_red_flag_stops_all_cars(tables):
    long_laps = [row for row in tables.lap_times if int(row["milliseconds"]) > 600_000]
    stops = {
        (row["raceId"], row["driverId"], row["lap"])
        for row in tables.pit_stops
        if int(row["milliseconds"]) > 600_000
    }
    assert {(row["raceId"], row["driverId"], row["lap"]) for row in long_laps} == stops
    stopped = {(row["raceId"], row["lap"]) for row in long_laps}
    assert len(stopped) == len({race for race, _ in stopped}) == 3, "one race each in 2021, 2023 and 2025"
    for race_id, lap in stopped:
        laps = [row for row in tables.lap_times if (row["raceId"], row["lap"]) == (race_id, lap)]
        assert len(laps) == sum(row["raceId"] == race_id for row in long_laps) > 10


# Championships


@pytest.mark.parametrize(
    ("table", "id_column"), [("driver_standings", "driverId"), ("constructor_standings", "constructorId")]
)
def test_standings_follow_from_the_results(tables, table, id_column):
    official = grouped(getattr(tables, table))
    for rows in grouped(tables.races, "year").values():
        points, wins, finishes, best = Counter(), Counter(), defaultdict(Counter), {}
        for race in rows:
            race_id = race["raceId"]
            for row in tables.results_of[race_id]:
                position = int(row["positionOrder"])
                points[row[id_column]] += float(row["points"])
                wins[row[id_column]] += row["positionText"] == "1"
                if is_classified(row):
                    finishes[row[id_column]][position] += 1
                    best[row[id_column]] = min(
                        best.get(row[id_column], (99, 99)), (position, int(race["round"]))
                    )
            for row in tables.sprints_of[race_id]:
                points[row[id_column]] += float(row["points"])

            def rank(competitor, points=points, finishes=finishes, best=best):
                counts = [-finishes[competitor][position] for position in range(1, 21)]
                return -points[competitor], counts, best.get(competitor, (99, 99)), int(competitor)

            expected = [
                (id_, f"{points[id_]:g}", str(position), str(position), str(wins[id_]))
                for position, id_ in enumerate(sorted(points, key=rank), 1)
            ]
            found = official[race_id]
            assert [
                tuple(row[name] for name in (id_column, "points", "position", "positionText", "wins"))
                for row in found
            ] == (expected)


def test_constructor_results_hold_sprint_points_until_2024(tables):
    expected = Counter()
    for row in tables.results:
        expected[row["raceId"], row["constructorId"]] += float(row["points"])
    for row in tables.sprint_results:
        expected[row["raceId"], row["constructorId"]] += float(row["points"]) * (tables.season(row) < 2025)
    found = {(row["raceId"], row["constructorId"]): row["points"] for row in tables.constructor_results}
    assert found == {key: f"{points:g}" for key, points in expected.items()}


# The program


def test_one_season_alone_can_be_simulated(tmp_path):
    assert run("--seasons", 1, "--seed", -3, tmp_path / "one").returncode == 0
    tables = Tables(tmp_path / "one")
    assert {row["year"] for row in tables.races} == {"2021"}
    assert all(row["sprint_date"] is None for row in tables.races), "every row is short"
    assert len(tables.sprints_of) == 3


def test_memory_does_not_grow_with_the_seasons(tmp_path):
    peaks = []
    for seasons in (1, 4):
        tracemalloc.start()
        simulate.make_folder(seasons, 1, tmp_path / str(seasons))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2
    assert peaks[1] < 4_000_000


def test_the_help_explains_the_arguments():
    result = run("--help")
    assert result.returncode == 0
    for word in ("--seasons N", "--seed S", "OUT", "Ergast", "Example"):
        assert word in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seasons", "0"], "--seasons must be between 1 and 7979, not 0"),
        (["--seasons", "8000"], "--seasons must be between 1 and 7979, not 8000"),
        (["--seasons", "many"], "argument --seasons: invalid int value: 'many'"),
        (["--seed", "1.5"], "argument --seed: invalid int value: '1.5'"),
        (["--fast"], "unrecognized arguments: --fast"),
    ],
)
def test_bad_arguments_are_refused(tmp_path, arguments, message):
    result = run(*arguments, tmp_path / "out")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"simulate: {message}\n"
    assert list(tmp_path.iterdir()) == []


def test_out_is_required():
    result = run()
    assert result.returncode == 2
    assert result.stderr == "simulate: the following arguments are required: OUT\n"


@pytest.mark.parametrize("path", ["file", "file/below", "file/far/below"])
def test_a_folder_that_cannot_be_written_is_reported(tmp_path, path):
    (tmp_path / "file").write_text("mine")
    result = run("--seasons", 1, tmp_path / path)
    assert (result.returncode, result.stdout) == (2, "")
    message = rf"simulate: {re.escape(str(tmp_path))}/.+: (File exists|Not a directory)\n"
    assert re.fullmatch(message, result.stderr)
    assert contents(tmp_path) == {"file": b"mine"}


@pytest.mark.parametrize("name", ["notes.txt", "results.csv", ".simulated"])
def test_a_folder_with_other_files_is_refused(tmp_path, name):
    out = tmp_path / "raw"
    out.mkdir()
    (out / "drivers.csv").write_text("mine")
    (out / name).write_text("mine")
    before = contents(out)
    result = run("--seasons", 1, out)
    assert (result.returncode, result.stdout) == (2, "")
    assert re.fullmatch(r"simulate: .+ has .+, which this did not write; .+\n", result.stderr)
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_files_of_an_earlier_run_are_replaced_unless_they_were_edited(tmp_path):
    out = tmp_path / "raw"
    out.mkdir()
    for seed in (1, 2):
        result = run("--seasons", 1, "--seed", seed, out)
        assert (result.returncode, result.stderr) == (0, "")
        assert f"(seed {seed})" in result.stdout
    assert "--seed 2" in (out / ".simulated").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]
    with (out / "results.csv").open("a") as file:
        file.write("a row of my own\n")
    before = contents(out)
    assert run("--seasons", 1, out).returncode == 2
    assert contents(out) == before


def test_a_failed_run_leaves_the_last_good_one(tmp_path, monkeypatch, capsys):
    out = tmp_path / "raw"
    simulate.main(["--seasons", "1", str(out)])
    before = contents(out)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Championship, "off_season", fail)
    assert simulate.main(["--seasons", "2", str(out)]) == 2
    assert capsys.readouterr().err == f"simulate: {out}: No space left on device\n"
    assert contents(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]
