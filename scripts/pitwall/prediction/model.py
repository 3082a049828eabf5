"""The model: who will be classified, and in which order; one set of coefficients per moment."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from pitwall.command import PlainError
from pitwall.prediction import classified, features, ranking
from pitwall.prediction.classified import Logistic
from pitwall.prediction.features import Array, Grid
from pitwall.prediction.targets import MOMENTS

NAME = "plackett_luce"

# Round values, chosen by the log loss of `win` on the seasons 2010 to 2013. By that of `podium` the depth
# after qualifying would be 3.
FIRST_SEASON = 1985
DEPTH = {"before_weekend": 1, "after_qualifying": 2}
RIDGE = 3.0
RIDGE_CLASSIFIED = 100.0
HALF_LIFE_SEASONS = 8.0
HALF_LIFE_CLASSIFIED = 15.0
# With fewer races the coefficients are chance.
LEAST_RACES = 30


class Coefficients(NamedTuple):
    """Of one moment."""

    pace: dict[str, float]
    reliability: dict[str, float]
    intercept: float


class Model(NamedTuple):
    """A fitted model. `trained_through` is the date of the last race that it has seen."""

    trained_through: date
    moments: dict[str, Coefficients]

    @classmethod
    def fit(cls, rows: pl.DataFrame, before_season: int) -> Model:
        """Learn from all seasons before one. `rows` is what `features.read` returns."""
        known = known_before(rows, before_season)
        moments = {moment: _fit(known.filter(known_at=moment), before_season) for moment in MOMENTS}
        return cls(known["race_date"].max(), moments)  # type: ignore[arg-type]

    def strengths(self, frame: pl.DataFrame, moment: str) -> tuple[Grid, Array, Array]:
        """Of the races of a frame: their places in the tables, strengths and chances to be classified."""
        grid = Grid.of(frame)
        coefficients = self.moments[moment]
        inputs = centred(grid, features.columns(frame, features.pace(moment)))
        strengths = inputs @ np.array([coefficients.pace[name] for name in features.pace(moment)])
        logistic = Logistic(
            coefficients.intercept,
            np.array([coefficients.reliability[name] for name in features.reliability(moment)]),
        )
        return (
            grid,
            strengths,
            grid.put(logistic.chances(features.columns(frame, features.reliability(moment)))),
        )

    def probabilities(self, frame: pl.DataFrame, moment: str) -> pl.DataFrame:
        """race_id, driver_id, one column per target, and expected_order, in the order of `frame`.

        In each race the chances to win sum to 1, of a podium to 3, and of points to the places that score.
        """
        grid, strengths, finishes = self.strengths(frame, moment)
        races = np.zeros(len(grid.cars))
        scoring = races.copy()
        scoring[grid.race] = frame["points_places"].to_numpy()
        places = {"win": races + 1, "podium": races + 3, "points": scoring}
        tables = ranking.chances(strengths, finishes, grid.cars, places) | {
            "classified": finishes,
            "expected_order": ranking.expected_order(strengths, finishes, grid.cars),
        }
        return frame.select("race_id", "driver_id").with_columns(
            **{name: pl.Series(grid.get(table)) for name, table in tables.items()}
        )

    def to_json(self) -> dict[str, Any]:
        moments = {moment: coefficients._asdict() for moment, coefficients in self.moments.items()}
        return {"model": NAME, "trained_through": self.trained_through.isoformat(), "moments": moments}

    @classmethod
    def from_json(cls, weights: dict[str, Any]) -> Model:
        moments = {
            moment: Coefficients(**coefficients) for moment, coefficients in weights["moments"].items()
        }
        return cls(date.fromisoformat(weights["trained_through"]), moments)


def known_before(rows: pl.DataFrame, season: int) -> pl.DataFrame:
    """The rows to learn from, of the seasons before one. Raises PlainError if they are too few."""
    known = rows.filter(pl.col("season").is_between(FIRST_SEASON, season - 1), pl.col("is_scored"))
    races = known["race_id"].n_unique()
    if races < LEAST_RACES:
        raise PlainError(
            f"only {races} races from {FIRST_SEASON} on have results before {season}, and the model needs "
            f"{LEAST_RACES} to learn from; build from the real files"
        )
    return known


def _fit(known: pl.DataFrame, before_season: int) -> Coefficients:
    moment = known["known_at"][0]
    grid = Grid.of(known)
    ages: Array = before_season - 1 - known["season"].to_numpy()
    is_classified = known["classified"].to_numpy()
    reliability = classified.fit(
        features.columns(known, features.reliability(moment)),
        is_classified,
        0.5 ** (ages / HALF_LIFE_CLASSIFIED),
        ridge=RIDGE_CLASSIFIED,
    )
    weights = np.zeros(len(grid.cars))
    weights[grid.race] = 0.5 ** (ages / HALF_LIFE_SEASONS)
    pace = ranking.fit(
        centred(grid, features.columns(known, features.pace(moment))),
        grid.put(is_classified).astype(bool),
        grid.put(known["finishing_order"].to_numpy()),
        weights,
        depth=DEPTH[moment],
        ridge=RIDGE,
    )
    return Coefficients(
        dict(zip(features.pace(moment), pace.tolist(), strict=True)),
        dict(zip(features.reliability(moment), reliability.coefficients.tolist(), strict=True)),
        reliability.intercept,
    )


def centred(grid: Grid, columns: Array) -> Array:
    """Races by cars by inputs, less the mean of the race: only differences within a race matter."""
    table = grid.put(columns)
    mean = table.sum(axis=1, keepdims=True) / grid.cars.sum(axis=1)[:, None, None]
    centred: Array = np.where(grid.cars[:, :, None], table - mean, 0)
    return centred
