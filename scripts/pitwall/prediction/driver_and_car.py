"""The driver and the car: a split of the finishing orders of some seasons.

A result is the sum of what the driver brings in all seasons, what the car brings, and chance. A car is that
of a constructor in a season: one part of it is the same in all seasons of the constructor. Drivers who share
a car, and drivers who change it, separate the two. Only cars that were classified count, so a car that
fails often is not slow. A result is measured as the normal score of its place. All effects are random, so
those with few results are drawn towards the middle (a linear mixed model, fitted by restricted maximum
likelihood).
"""

from contextlib import suppress
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import duckdb
import numpy as np
import polars as pl
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from pitwall.command import PlainError
from pitwall.prediction.features import Array
from pitwall.prediction.ratings import performances
from pitwall.prediction.tables import frame, open_warehouse

RESAMPLES = 200
SEED = 1
INTERVAL = (0.025, 0.975)
FIELD = 20  # cars of the race in which effects are given as places
FEWEST_RESULTS = 10  # of a driver who is listed
SHOWN = 15
FEWEST_CARS = 3  # that a race needs to have an order worth the name


class Split(NamedTuple):
    """What a window says. Intervals hold 95 % of the splits of races drawn at random from it.

    Args:
        car_share: the car's share of the variance that driver and car explain together.
        drivers: `driver_name`, `results`, `effect`, and the mean place among FIELD cars that it stands for:
            `place`, `place_low`, `place_high`. The best is first.
        cars: `season`, `constructor_name` and the same.
    """

    first: int
    last: int
    races: int
    results: int
    car_share: float
    car_share_low: float
    car_share_high: float
    drivers: pl.DataFrame
    cars: pl.DataFrame


def read(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """All classified cars: `season`, `race_id`, `driver_id`, `constructor_id` and names, the best car first.

    A driver who was classified with two cars counts with the better one.
    """
    return frame(
        connection,
        """
        select season, race_id, driver_id, driver_name, constructor_id, constructor_name
        from marts.fct_race_results where is_classified
        order by season, round, position_order, result_id""",
    ).unique(["race_id", "driver_id"], keep="first", maintain_order=True)


def split(
    results: pl.DataFrame, first: int, last: int, *, resamples: int = RESAMPLES, seed: int = SEED
) -> Split:
    """Split the results of the seasons from `first` to `last`.

    Raises:
        PlainError: the window has no results, or nothing in it separates drivers and cars.
    """
    if first > last:
        raise PlainError(f"{first} to {last}: the first season is after the last one")
    window = results.filter(
        pl.col("season").is_between(first, last) & (pl.len().over("race_id") >= FEWEST_CARS)
    )
    if window.is_empty():
        seasons = results["season"].to_list()
        known = f"{min(seasons)} to {max(seasons)}" if seasons else "no season"
        raise PlainError(f"{first} to {last}: no season has results; the warehouse has results of {known}")
    window = window.with_columns(
        driver=pl.col("driver_id").rank("dense") - 1,
        car=pl.struct("season", "constructor_id").rank("dense") - 1,
        constructor=pl.col("constructor_id").rank("dense") - 1,
        race=pl.col("race_id").rank("dense") - 1,
    )
    drivers, cars = window["driver"].n_unique(), window["car"].n_unique()
    if window.select("driver", "car").n_unique() == drivers == cars:
        raise PlainError(
            f"{first} to {last}: no driver had a team mate or changed the car, so nothing separates them; "
            "name more seasons"
        )
    model = Model.of(window)
    races = window["race"].to_numpy()
    count = int(races.max()) + 1
    whole = model.fit(np.ones(len(races)), np.zeros(len(model.levels)))
    random = np.random.default_rng(seed)
    draws = [
        model.fit(random.multinomial(count, np.full(count, 1 / count))[races].astype(float), whole.logs)
        for _ in range(resamples)
    ]
    low: Array
    high: Array
    low, high = np.quantile([draw.effects for draw in draws], INTERVAL, axis=0)
    shares = np.array([draw.car_share for draw in draws])
    effects = pl.DataFrame(
        {
            "effect": whole.effects,
            "place": [place(effect, whole.chance) for effect in whole.effects],
            "place_low": [place(effect, whole.chance) for effect in high],
            "place_high": [place(effect, whole.chance) for effect in low],
        }
    )
    return Split(
        first=first,
        last=last,
        races=count,
        results=window.height,
        car_share=whole.car_share,
        car_share_low=float(np.quantile(shares, INTERVAL[0])),
        car_share_high=float(np.quantile(shares, INTERVAL[1])),
        drivers=named(window, "driver", ["driver_name"], effects[:drivers]),
        cars=named(window, "car", ["season", "constructor_name"], effects[drivers:]),
    )


class Fit(NamedTuple):
    """A fitted model.

    Args:
        effects: of each driver, then of each car: what is the constructor's in all seasons is part of it.
        logs: the logarithms of the variances of drivers, cars and constructors, relative to that of chance.
        chance: the variance of chance.
    """

    effects: Array
    logs: Array
    chance: float

    @property
    def car_share(self) -> float:
        """The car's share of the variance of driver and car together."""
        variances = np.exp(self.logs)
        return float(1 - variances[0] / variances.sum())


class Model(NamedTuple):
    """The results of a window, as numbers.

    Args:
        levels: how many drivers, cars and constructors there are.
        codes: the driver, the car and the constructor of each result, as numbers below all levels.
        score: the normal score of each result.
        constructors: the constructor of each car.
    """

    levels: list[int]
    codes: Any
    score: Array
    constructors: Any

    @classmethod
    def of(cls, window: pl.DataFrame) -> "Model":
        """The model of the results of a window, which are ordered by race and place."""
        names = ["driver", "car", "constructor"]
        levels = [window[name].n_unique() for name in names]
        starts = np.cumsum([0, *levels[:-1]])
        cars = window.select("car", "constructor").unique().sort("car")
        return cls(
            levels,
            np.array([window[name].to_numpy() for name in names]).astype(int) + starts[:, None],
            np.concatenate([performances(len(each)) for each in window.partition_by("race_id")]),
            cars["constructor"].to_numpy() + starts[-1],
        )

    def fit(self, weights: Array, start: Array) -> Fit:
        """Fit the variances and predict the effects, with a weight for each result.

        Args:
            start: where the search for the variances begins: those of a similar fit.
        """
        size = sum(self.levels)
        squares, products = np.zeros((size + 1, size + 1)), np.zeros(size + 1)
        squares[size, size], products[size] = weights.sum(), weights @ self.score
        for code in self.codes:
            counts = np.bincount(code, weights, size)
            squares[size, :size] += counts
            products[:size] += np.bincount(code, weights * self.score, size)
            for other in self.codes:
                pairs = np.bincount(code * size + other, weights, size * size)
                squares[:size, :size] += pairs.reshape(size, size)
        squares[:size, size] = squares[size, :size]
        freedom, square = weights.sum() - 1, weights @ self.score**2

        def solve(logs: Array) -> tuple[float, Array, float]:
            precision: Array = np.repeat(np.exp(-logs), self.levels)
            factor = cho_factor(squares + np.diag([*precision, 0.0]))
            solution = cho_solve(factor, products)
            chance = (square - solution @ products) / freedom
            logdet = 2 * np.log(factor[0].diagonal()).sum()
            value = freedom * np.log(chance) + logdet - np.log(precision).sum()
            return float(value), solution[:size], float(chance)

        # A variance of 0 has no logarithm: the bounds stand for almost none and for almost all.
        found = minimize(
            lambda logs: solve(logs)[0], start, method="L-BFGS-B", bounds=[(-9, 6)] * len(start)
        ).x
        _, solution, chance = solve(found)
        drivers, cars, _ = self.levels
        of_cars = solution[drivers : drivers + cars] + solution[self.constructors]
        return Fit(np.concatenate([solution[:drivers], of_cars]), found, chance)


def place(effect: float, chance: float) -> float:
    """The mean place in a race of FIELD cars, if all else is average."""
    return FIELD * (1 - NormalDist().cdf(float(effect) / (1 + chance) ** 0.5)) + 0.5


def named(window: pl.DataFrame, key: str, names: list[str], effects: pl.DataFrame) -> pl.DataFrame:
    """The effects with their names and numbers of results, the best first."""
    groups: Any = window.group_by(key).agg(pl.col(names).last(), results=pl.len()).sort(key)
    found: pl.DataFrame = pl.concat([groups.drop(key), effects], how="horizontal")
    return found.sort("effect", descending=True)


def with_halves(results: pl.DataFrame, first: int, last: int) -> list[Split]:
    """The split of a window, and those of its halves. A half that cannot be split is left out.

    Raises:
        PlainError: why the window cannot be split.
    """
    splits = [split(results, first, last)]
    middle = (first + last) // 2
    for window in [(first, middle), (middle + 1, last)] if first < last else []:
        with suppress(PlainError):
            splits.append(split(results, *window))
    return splits


def report(data: Path, first: int, last: int) -> None:
    """Print the split of a window, and of its halves beside it. Raises PlainError if it cannot be split."""
    with open_warehouse(data) as connection:
        results = read(connection)
    print(text(with_halves(results, first, last)))


def text(splits: list[Split]) -> str:
    """Tables of some windows; the first one gives the order."""
    whole = splits[0]
    windows = [f"{each.first} to {each.last}" for each in splits]
    shares = [each.car_share for each in splits]
    share = [
        [
            "car's share",
            *(
                f"{each.car_share:.2f} [{each.car_share_low:.2f}, {each.car_share_high:.2f}]"
                for each in splits
            ),
        ],
        ["races", *(str(each.races) for each in splits)],
        ["results", *(str(each.results) for each in splits)],
    ]
    drivers = [
        [name, *(effect_of(each.drivers.filter(driver_name=name)) for each in splits)]
        for name in listed(whole).head(SHOWN)
    ]
    cars = [
        [
            f"{season} {name}",
            *(effect_of(each.cars.filter(season=season, constructor_name=name)) for each in splits),
        ]
        for season, name in whole.cars.select("season", "constructor_name").head(SHOWN).rows()
    ]
    return "\n".join(
        [
            table(["", *windows], share),
            "",
            table(["driver", *windows], drivers),
            "",
            table(["car", *windows], cars),
            "",
            "The car's share is of the variance that driver and car explain together. A place",
            f"is the mean place among {FIELD} cars if all else is average. Drivers with fewer than",
            f"{FEWEST_RESULTS} results are not listed. Brackets hold the middle 95 % of the splits of",
            "races that are drawn at random from these. The split moves with the window: only",
            "team mates, and drivers who change cars, separate drivers and cars.",
            f"In these windows the car's share is {min(shares):.2f} to {max(shares):.2f}.",
        ]
    )


def listed(found: Split) -> pl.Series:
    """The names of the drivers with enough results, the best first."""
    return found.drivers.filter(pl.col("results") >= FEWEST_RESULTS)["driver_name"]


def effect_of(rows: pl.DataFrame) -> str:
    """A cell: the mean place and its interval; "" if there is no such row."""
    if rows.is_empty():
        return ""
    row = rows.row(0, named=True)
    return f"{row['place']:.1f} [{row['place_low']:.1f}, {row['place_high']:.1f}]"


def table(header: list[str], rows: list[list[str]]) -> str:
    """Rows as text, in columns."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
