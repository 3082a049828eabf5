"""Ratings of drivers and cars that are updated race by race, with their uncertainty.

In a race, a car's performance is the strength of its driver plus that of its constructor plus chance. What is
believed of the strengths is a normal distribution over all of them: two drivers of one car share what is not
known of the car. Each result moves it (a Kalman filter), and time makes it less certain.
"""

from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from pitwall.prediction.features import Array

# The constants are round values, chosen on the seasons 1962 to 1990 only. The odds hardly depend on them.
# Strengths are in units in which the performances of a field have a deviation of about 1.
DRIVER_SPREAD = 0.5  # of drivers who are new
CONSTRUCTOR_SPREAD = 0.5
NEWCOMER = -0.3  # the mean of drivers and constructors who are new
DRIVER_KEPT = 0.95  # the part of the distance from NEWCOMER that the next season starts with
CONSTRUCTOR_KEPT = 0.8
DRIVER_STEP = 0.1  # what is added to the uncertainty between two seasons
CONSTRUCTOR_STEP = 0.35
DRIVER_DRIFT = 0.02  # and between two races
CONSTRUCTOR_DRIFT = 0.06
CHANCE = 0.7  # the deviation of a performance in one race, before any race was seen
CHANCE_RACES = 20  # so many races that guess counts as
CHANCE_KEPT = 0.5 ** (1 / 30)  # the weight of a race, relative to the race after it
LEAST_CHANCE = 0.3
FORGOTTEN_AFTER = 2  # seasons without a race
RACE_SPREAD = 5.0  # wide: how good a race was as a whole is not known, only who was better than whom

# A rate of cars that are not classified is drawn towards that of all cars, by this many cars.
RATE_WEIGHT = 30
RATE_KEPT = 0.97  # the weight of a race, relative to the race after it


class Race(NamedTuple):
    """The cars that started, best first; those that were not classified are last."""

    season: int
    round: int
    drivers: list[int]
    constructors: list[int]
    classified: list[bool]


class Ratings:
    """What is believed after the races that it was updated with."""

    def __init__(self) -> None:
        self.season = 0
        self.index: dict[tuple[str, int], int] = {}
        self.last_season: dict[tuple[str, int], int] = {}
        self.mean: Array = np.zeros(0)
        self.covariance: Array = np.zeros((0, 0))
        self.failures: dict[int, list[float]] = {}
        self.squares, self.races = CHANCE_RACES * CHANCE**2, float(CHANCE_RACES)

    @property
    def chance(self) -> float:
        """The deviation of a performance in one race. It is smaller where races go as expected."""
        return float(max(LEAST_CHANCE**2, self.squares / self.races) ** 0.5)

    def update(self, race: Race) -> None:
        """Learn from a race. Races come in the order in which they were driven."""
        if race.season != self.season:
            self.begin(race.season)
        cars = [
            (self.found("driver", driver), self.found("constructor", constructor))
            for driver, constructor in zip(race.drivers, race.constructors, strict=True)
        ]
        self.covariance += np.diag(self.of_kind(DRIVER_DRIFT, CONSTRUCTOR_DRIFT) ** 2)
        finished = [car for car, classified in zip(cars, race.classified, strict=True) if classified]
        self.learn_order(finished)
        self.learn_failures(race)

    def of_kind(self, driver: float, constructor: float) -> Array:
        """A value for each strength: one for drivers, one for constructors."""
        return np.array([driver if kind == "driver" else constructor for kind, _ in self.index])

    def begin(self, season: int) -> None:
        """Forget those who no longer race, and be less sure of the others."""
        kept = [key for key in self.index if self.last_season[key] >= season - FORGOTTEN_AFTER]
        places = [self.index[key] for key in kept]
        self.index = {key: place for place, key in enumerate(kept)}
        share = self.of_kind(DRIVER_KEPT, CONSTRUCTOR_KEPT)
        self.mean = NEWCOMER + (self.mean[places] - NEWCOMER) * share
        self.covariance = self.covariance[np.ix_(places, places)] * np.outer(share, share)
        self.covariance += np.diag(self.of_kind(DRIVER_STEP, CONSTRUCTOR_STEP) ** 2)
        self.season = season

    def found(self, kind: str, identity: int) -> int:
        """The place of a strength, which is added if it is new."""
        key = (kind, identity)
        self.last_season[key] = self.season
        if key not in self.index:
            self.index[key] = len(self.mean)
            self.mean = np.append(self.mean, NEWCOMER)
            self.covariance = np.pad(self.covariance, (0, 1))
            self.covariance[-1, -1] = (DRIVER_SPREAD if kind == "driver" else CONSTRUCTOR_SPREAD) ** 2
        return self.index[key]

    def learn_order(self, cars: list[tuple[int, int]]) -> None:
        """Move the strengths of cars that are given in their finishing order."""
        if len(cars) < 2:
            return
        design = self.design(cars)
        shared = self.covariance @ design.T
        known = design @ shared
        surprise = performances(len(cars)) - design @ self.mean
        spread = known + self.chance**2 * np.eye(len(cars)) + RACE_SPREAD**2
        gain = np.linalg.solve(spread, shared.T).T
        self.mean = self.mean + gain @ surprise
        self.covariance = self.covariance - gain @ shared.T
        self.covariance = (self.covariance + self.covariance.T) / 2
        # The part of the differences within the race that uncertain strengths do not explain is chance.
        differences = surprise - surprise.mean()
        unexplained = differences @ differences - (np.trace(known) - known.mean() * len(cars))
        self.squares = self.squares * CHANCE_KEPT + unexplained / (len(cars) - 1)
        self.races = self.races * CHANCE_KEPT + 1

    def design(self, cars: list[tuple[int, int]]) -> Array:
        """A row per car that picks its driver and its constructor."""
        picked = np.zeros((len(cars), len(self.mean)))
        for row, car in enumerate(cars):
            picked[row, list(car)] = 1
        return picked

    def learn_failures(self, race: Race) -> None:
        """Count the cars of each constructor, and those that were not classified."""
        for counts in self.failures.values():
            counts[:] = [count * RATE_KEPT for count in counts]
        for constructor, classified in zip(race.constructors, race.classified, strict=True):
            counts = self.failures.setdefault(constructor, [0, 0])
            counts[0] += not classified
            counts[1] += classified

    def beliefs(self, cars: dict[int, int]) -> tuple[Array, Array, Array]:
        """What is believed of the performance of cars, given as driver to constructor.

        Returns:
            The means, the covariance, and the covariance of what one more race adds.
        """
        design = self.design(
            [(self.index["driver", who], self.index["constructor", car]) for who, car in cars.items()]
        )
        drift = np.diag(self.of_kind(DRIVER_DRIFT, CONSTRUCTOR_DRIFT) ** 2)
        return design @ self.mean, design @ self.covariance @ design.T, design @ drift @ design.T

    def draw_failure_rates(self, constructors: list[int], draws: int, random: Any) -> Array:
        """How often cars are not classified: an array of draws by constructors."""
        total = np.sum(list(self.failures.values()), axis=0)
        prior = RATE_WEIGHT * total / total.sum()
        # A rate of exactly 0 or 1 has no distribution.
        counts = np.array([self.failures[each] for each in constructors]) + prior + 1e-6
        rates: Array = random.beta(counts[:, 0], counts[:, 1], size=(draws, len(constructors)))
        return rates


def performances(cars: int) -> Array:
    """The performances that an order stands for, best first: normal scores."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((cars - place - 0.5) / cars) for place in range(cars)])
