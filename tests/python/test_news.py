"""What a scheduler asks: is there something new, and does the source lack a race?"""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import SCRIPTS, must_run, races_of, remove_race, run

from pitwall.raw import calendar
from pitwall.warehouse import news

DAY = datetime(2025, 4, 1, tzinfo=UTC)


def race(name: str, day: str, *, held: bool) -> dict[str, Any]:
    return {"season": 2025, "round": 1, "name": name, "starts_at": f"{day}T13:00:00Z", "has_results": held}


def test_the_calendar_has_the_last_seasons_with_starts_in_utc(tmp_path: Path) -> None:
    data = tmp_path / "data"
    must_run(SCRIPTS / "simulate.py", "--seasons", "2", data / "raw")
    *_, last = races_of(data / "raw", "2022")
    results = data / "raw" / "results.csv"
    lines = results.read_text(encoding="utf-8").splitlines(keepends=True)
    results.write_text("".join(line for line in lines if line.split(",")[1] != last), encoding="utf-8")
    must_run(SCRIPTS / "csv_to_parquet.py", data / "raw", PITWALL_DATA=data)
    races = calendar.read_calendar(data / "parquet")
    assert {race["season"] for race in races} == {2022}
    assert [race["round"] for race in races] == list(range(1, len(races) + 1))
    assert [race["has_results"] for race in races] == [True] * (len(races) - 1) + [False]
    assert all(datetime.fromisoformat(race["starts_at"]).tzinfo == UTC for race in races)


@pytest.mark.parametrize(
    ("time", "start"),
    [("15:30:00", "2025-03-16T15:30:00Z"), (None, "2025-03-16T12:00:00Z"), ("TBC", "2025-03-16T12:00:00Z")],
)
def test_a_race_without_a_time_is_taken_to_start_at_noon(time: str | None, start: str) -> None:
    assert calendar.starts_at(date(2025, 3, 16), time) == start


def test_without_a_calendar_there_are_no_races(tmp_path: Path) -> None:
    assert calendar.read_calendar(tmp_path) == []
    (tmp_path / calendar.FILE).write_text("[", encoding="utf-8")
    assert calendar.read_calendar(tmp_path) == []


HELD = race("Australian Grand Prix", "2025-03-02", held=True)
CANCELLED = race("Imola Grand Prix", "2025-02-20", held=False)
WITHIN, LATE = (race("Chinese Grand Prix", day, held=False) for day in ("2025-03-18", "2025-03-17"))


@pytest.mark.parametrize(
    ("races", "words"),
    [
        ([HELD, WITHIN], ""),
        ([HELD, LATE], "the Chinese Grand Prix was 15 days ago, on 17 Mar 2025"),
        ([CANCELLED, HELD, WITHIN], ""),
        ([HELD], ""),
        ([race("Abu Dhabi Grand Prix", "2024-11-18", held=True)], ""),
        ([race("Abu Dhabi Grand Prix", "2024-11-17", held=True)], "on 17 Nov 2024, and no winter break"),
        ([LATE], ""),
        ([], ""),
    ],
    ids=[
        "in time",
        "late",
        "cancelled",
        "winter",
        "long winter",
        "longer than any",
        "no results",
        "no races",
    ],
)
def test_a_source_is_stale_if_it_lacks_a_race(races: list[dict[str, Any]], words: str) -> None:
    late = news.what_is_late(races, DAY)
    assert words in late
    assert bool(late) == bool(words)


def test_stale_is_the_same_as_for_dbt() -> None:
    """The sources YAML says how many days are allowed, and how long a winter break may be."""
    text = news.SOURCES.read_text(encoding="utf-8")
    assert f"warn_after: {{count: {news.days_allowed()}, period: day}}" in text
    assert f"max(held.newest) + {news.WINTER})" in text


def test_data_are_new_until_a_run_with_them_is_completed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    must_run(SCRIPTS / "simulate.py", "--seasons", "1", data / "raw")
    must_run(SCRIPTS / "csv_to_parquet.py", data / "raw", PITWALL_DATA=data)

    def ask(**options: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(
            must_run(SCRIPTS / "whats_new.py", "--json", PITWALL_DATA=data).splitlines()[-1]
        )
        return said

    first = ask()
    assert first["is_new"]
    assert first["is_simulated"]
    assert not first["is_stale"]
    assert first["message"] == "new: simulated seasons 2021 to 2021."
    (data / "warehouse.duckdb").touch()
    must_run(SCRIPTS / "whats_new.py", "--completed", first["fingerprint"], PITWALL_DATA=data)
    again = ask()
    assert again == first | {"is_new": False, "message": "nothing new: simulated seasons 2021 to 2021."}
    other = must_run(SCRIPTS / "whats_new.py", "--engine", "postgres", PITWALL_DATA=data)
    assert other.startswith("new: ")
    remove_race(data / "raw", races_of(data / "raw", "2021")[-1])
    must_run(SCRIPTS / "csv_to_parquet.py", data / "raw", PITWALL_DATA=data)
    assert ask()["is_new"]
    must_run(SCRIPTS / "whats_new.py", "--completed", ask()["fingerprint"], PITWALL_DATA=data)
    assert not ask()["is_new"]
    (data / "warehouse.duckdb").unlink()
    assert ask()["is_new"], "the warehouse is gone"


def test_without_data_it_says_what_to_do(tmp_path: Path) -> None:
    result = run(SCRIPTS / "whats_new.py", PITWALL_DATA=tmp_path / "data")
    assert result.returncode == 2
    assert result.stdout.endswith("no data yet; convert the raw files first, or run `make build`\n")
