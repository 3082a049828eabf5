"""The split of results into driver and car: it finds the effects that were put in, and their uncertainty."""

from pathlib import Path

import duckdb
import polars as pl
import pytest
from conftest import SCRIPTS, run

pytest.importorskip("scipy")

import numpy as np

from pitwall.command import PlainError
from pitwall.prediction.driver_and_car import Split, place, read, split, text

pytestmark = pytest.mark.extra

DRIVERS, TEAMS, RACES = 24, 8, 20


def championship(driver_spread: float, car_spread: float, seasons: int = 5, seed: int = 1) -> pl.DataFrame:
    """Results of made-up seasons. Drivers change their team each season; the strengths are normal scores.

    Driver 0 is the best, car 0 of each season the best car.
    """
    random = np.random.default_rng(seed)
    scores = np.sort(random.standard_normal(DRIVERS))[::-1]
    rows = []
    for season in range(2000, 2000 + seasons):
        seats = random.permutation(np.repeat(np.arange(TEAMS), DRIVERS // TEAMS))
        cars = np.sort(random.standard_normal(TEAMS))[::-1]
        strengths = driver_spread * scores + car_spread * cars[seats]
        for number in range(RACES):
            order = np.argsort(-(strengths + random.standard_normal(DRIVERS)))
            rows += [
                (season, season * 100 + number, int(driver), f"Driver {driver}", int(team), f"Team {team}")
                for driver, team in zip(order, seats[order], strict=True)
            ]
    names = ["season", "race_id", "driver_id", "driver_name", "constructor_id", "constructor_name"]
    return pl.DataFrame(rows, names, orient="row")


@pytest.fixture(scope="module")
def even() -> Split:
    """Drivers and cars that matter alike."""
    return split(championship(1.0, 1.0), 2000, 2004, resamples=40)


def test_effects_that_were_put_in_are_found(even: Split) -> None:
    assert even.drivers["driver_name"][0] == "Driver 0"
    assert even.drivers["driver_name"][-1] == f"Driver {DRIVERS - 1}"
    # In each season the best car is that of team 0, the worst that of team 7.
    seasons = even.cars.group_by("season", maintain_order=True)
    assert seasons.first()["constructor_name"].to_list().count("Team 0") >= 3
    assert seasons.last()["constructor_name"].to_list().count("Team 7") >= 3
    assert (even.races, even.results) == (5 * RACES, 5 * RACES * DRIVERS)


@pytest.mark.parametrize(("driver", "car", "low", "high"), [(0.2, 1.2, 0.85, 1.0), (1.2, 0.2, 0.0, 0.15)])
def test_the_share_of_the_car_is_that_of_its_variance(
    driver: float, car: float, low: float, high: float
) -> None:
    found = split(championship(driver, car), 2000, 2004, resamples=5)
    assert low < found.car_share < high


def test_intervals_hold_the_estimate_and_are_smaller_with_more_races(even: Split) -> None:
    assert even.car_share_low < even.car_share < even.car_share_high
    one = split(championship(1.0, 1.0), 2000, 2000, resamples=40)

    def width(found: Split) -> float:
        return float((found.drivers["place_high"] - found.drivers["place_low"]).mean())  # type: ignore[arg-type]

    assert 0 < width(even) < width(one)
    inside = (even.drivers["place_low"] <= even.drivers["place"]) & (
        even.drivers["place"] <= even.drivers["place_high"]
    )
    assert inside.mean() > 0.9  # type: ignore[operator]


def test_the_same_seed_gives_the_same_split() -> None:
    results = championship(1.0, 1.0, seasons=1)
    first, again, other = (split(results, 2000, 2000, resamples=3, seed=seed) for seed in (1, 1, 2))
    assert first.drivers.equals(again.drivers)
    assert not first.drivers.equals(other.drivers)
    assert first.car_share == other.car_share  # only the intervals are drawn


def test_few_results_are_drawn_towards_the_middle() -> None:
    """A driver who won one race is not better than one who won nearly all."""
    results = championship(1.0, 1.0, seasons=1)
    one_race = results.filter(pl.col("race_id") == 200000).with_columns(
        driver_id=pl.when(pl.int_range(pl.len()) == 0).then(99).otherwise("driver_id"),
        driver_name=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("Guest")).otherwise("driver_name"),
    )
    found = split(pl.concat([one_race, results.filter(pl.col("race_id") > 200000)]), 2000, 2000, resamples=2)
    assert found.drivers["driver_name"][0] != "Guest"


def test_an_effect_of_nothing_is_the_middle_of_the_field() -> None:
    assert place(0, 0.5) == 10.5
    assert place(1, 0.5) < 5 < 16 < place(-1, 0.5)
    assert place(1, 5) > place(1, 0.5)  # with more chance, strength matters less


# What cannot be split


def test_a_window_without_results_is_reported() -> None:
    results = championship(1.0, 1.0, seasons=2)
    with pytest.raises(
        PlainError, match="1930 to 1940: no season has results; the warehouse has results of 2000 to"
    ):
        split(results, 1930, 1940)
    with pytest.raises(PlainError, match="2001 to 2000: the first season is after the last one"):
        split(results, 2001, 2000)
    with pytest.raises(PlainError, match="the warehouse has results of no season"):
        split(results.clear(), 2000, 2001)


def test_a_window_that_tells_nothing_apart_is_reported() -> None:
    alone = championship(1.0, 1.0, seasons=1).with_columns(constructor_id=pl.col("driver_id"))
    with pytest.raises(PlainError, match="nothing separates them"):
        split(alone, 2000, 2000)


# What is printed


def test_windows_stand_beside_each_other(even: Split) -> None:
    """A driver or a car that a window does not have is an empty cell."""
    one = split(championship(1.0, 1.0), 2000, 2000, resamples=2)
    printed = text([even, one._replace(drivers=one.drivers.filter(pl.col("driver_name") != "Driver 0"))])
    lines = printed.splitlines()
    assert lines[0].split()[-6:] == ["2000", "to", "2004", "2000", "to", "2000"]
    assert f"{even.car_share:.2f} [" in lines[2]
    assert f"{one.car_share:.2f} [" in lines[2]
    [best] = [line for line in lines if line.startswith("Driver 0 ")]
    assert best.count("[") == 1
    assert "The split moves with the window" in printed
    assert max(map(len, lines)) <= 80
    low, high = sorted([even.car_share, one.car_share])
    assert lines[-1] == f"In these windows the car's share is {low:.2f} to {high:.2f}."


def test_the_command_splits_a_simulated_championship(simulated_warehouse: Path) -> None:
    with duckdb.connect(simulated_warehouse, read_only=True) as connection:
        results = read(connection)
    first, last = results["season"].to_list()[0], results["season"].to_list()[-1]
    command = (SCRIPTS / "driver_and_car.py", "--from", str(first), "--to", str(last))
    result = run(*command, PITWALL_DATA=simulated_warehouse.parent, OPENBLAS_NUM_THREADS=1)
    assert result.returncode == 0, result.stdout
    assert f"{first} to {last}" in result.stdout.splitlines()[0]
    assert "The split moves with the window" in result.stdout
    assert "leaked" not in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from", "1900", "--to", "1901"], "1900 to 1901: no season has results"),
        (["--from", "x", "--to", "1901"], "'x' is not a whole number from 0 on"),
    ],
)
def test_the_command_reports_a_wrong_window_in_one_line(
    options: list[str], message: str, simulated_warehouse: Path
) -> None:
    result = run(SCRIPTS / "driver_and_car.py", *options, PITWALL_DATA=simulated_warehouse.parent)
    assert (result.returncode, result.stdout.count("\n")) == (2, 1), result.stdout
    assert message in result.stdout


def test_the_command_without_a_warehouse_says_what_to_do(tmp_path: Path) -> None:
    result = run(SCRIPTS / "driver_and_car.py", "--from", "2014", "--to", "2021", PITWALL_DATA=tmp_path)
    assert (result.returncode, result.stdout.count("\n")) == (2, 1), result.stdout
    assert "there is no warehouse yet; run `make build` first" in result.stdout


# The real files


def test_real_seasons_say_what_the_literature_says(real_warehouse: Path) -> None:
    """From 2014 to 2021 the car is most of it, and two drivers stand out; the share moves with the window."""
    with duckdb.connect(real_warehouse, read_only=True) as connection:
        results = read(connection)
    found = split(results, 2014, 2021, resamples=60)
    assert 0.80 <= found.car_share <= 0.92
    assert found.drivers["driver_name"].to_list()[:2] == ["Lewis Hamilton", "Max Verstappen"]
    halves = [split(results, *window, resamples=2).car_share for window in ((2014, 2017), (2018, 2021))]
    assert abs(halves[0] - halves[1]) > 0.1
