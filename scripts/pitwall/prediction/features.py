"""The inputs of the model: ratios of the counts in `fct_race_features`, a row per race, driver and moment."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pitwall.prediction.tables import frame, open_warehouse

Array: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Index: TypeAlias = NDArray[np.intp]

# The features of all races, what happened, and what the simplest rule said. Who had no grid slot and did not
# start is not scored. A driver who changed cars is one row, with the better result.
ROWS = """
with

results as (

    select
        race_id,
        driver_id,
        min(position_order) as finishing_order,
        min(finishing_position) as finishing_position,
        bool_or(is_classified) as is_classified,
        bool_or(is_started or grid_position is not null) as is_scored
    from marts.fct_race_results
    group by all

),

baselines as (

    pivot (select race_id, driver_id, known_at, target, probability from marts.fct_baseline_predictions)
    on target in ('win', 'podium', 'points', 'classified')
    using cast(any_value(probability) as double)
    group by race_id, driver_id, known_at

)

select
    features.*,
    results.finishing_order,
    coalesce(results.is_scored, false) as is_scored,
    cast(coalesce(results.finishing_position = 1, false) as integer) as win,
    cast(coalesce(results.finishing_position <= 3, false) as integer) as podium,
    cast(coalesce(results.finishing_position <= features.points_places, false) as integer) as points,
    cast(coalesce(results.is_classified, false) as integer) as classified,
    baselines.win as baseline_win,
    baselines.podium as baseline_podium,
    baselines.points as baseline_points,
    baselines.classified as baseline_classified
from marts.fct_race_features as features
left join results using (race_id, driver_id)
left join baselines using (race_id, driver_id, known_at)
where features.is_held
order by features.season, features.round, features.known_at, features.driver_id
"""

# A mean of few races is drawn towards that of a car in midfield, by so many races of it.
_PRIOR_RACES = 2
_PRIOR_PLACE = 15
# A rate of retirements is drawn towards one in five, by so many cars.
_PRIOR_RATE = 0.2
# A gap to pole above this many percent is rain or a broken car, not pace.
_LARGEST_GAP_PERCENT = 5
# For drivers who are not in the table.
_LAST_PLACE = 25


def _points(who: str, races: int, per: str) -> pl.Expr:
    """Tens of points per car and race."""
    return pl.col(f"{who}_points_{races}") / (pl.col(f"{who}_{per}_{races}") + _PRIOR_RACES) / 10


def _mean(total: str, count: str, races: int, prior: int = _PRIOR_RACES) -> pl.Expr:
    """Tens of places."""
    return (pl.col(f"{total}_{races}") + prior * _PRIOR_PLACE) / (pl.col(f"{count}_{races}") + prior) / 10


def _not_classified(who: str, count: str, races: int, prior: int) -> pl.Expr:
    """Share of cars that were not classified."""
    return (pl.col(f"{who}_not_classified_{races}") + _PRIOR_RATE * prior) / (
        pl.col(f"{who}_{count}_{races}") + prior
    )


def _logit(share: pl.Expr) -> pl.Expr:
    return (share / (1 - share)).log()


_grid = pl.col("grid").fill_null(pl.col("field_cars"))
# Share of the cars of the field's constructors that were not classified.
_field_not_classified = (pl.col("constructor_not_classified_20").sum().over("race_id") + _PRIOR_RATE) / (
    pl.col("constructor_cars_20").sum().over("race_id") + 1
)
_gap = (100 * pl.col("gap_to_pole_ms") / pl.col("pole_ms")).clip(upper_bound=_LARGEST_GAP_PERCENT)


# Who is fast. Only differences within a race matter.
PACE = {
    "driver_points_5": _points("driver", 5, "races"),
    "driver_points_20": _points("driver", 20, "races"),
    "driver_points_10_root": _points("driver", 10, "races").sqrt(),
    "driver_grid_10": _mean("driver_grid_sum", "driver_grids", 10),
    "driver_order_10": _mean("driver_order_sum", "driver_races", 10),
    "driver_not_classified_20": _not_classified("driver", "races", 20, prior=5),
    "constructor_points_5": _points("constructor", 5, "cars"),
    "constructor_points_10": _points("constructor", 10, "cars"),
    "constructor_points_5_root": _points("constructor", 5, "cars").sqrt(),
    "constructor_best_grid_5": _mean("constructor_best_grid_sum", "constructor_best_grids", 5),
    "constructor_order_10": _mean("constructor_order_sum", "constructor_cars", 10, prior=4),
    "constructor_not_classified_20": _not_classified("constructor", "cars", 20, prior=10),
    "championship_place_log": pl.col("championship_place").fill_null(_LAST_PLACE).log(),
}
# Known after qualifying. The gap of a driver without a time is that of the mean driver.
GRID = {
    "grid_log": _grid.log(),
    "grid": _grid / 10,
    "no_grid_slot": pl.col("grid").is_null().cast(pl.Float64),
    "gap_to_pole": _gap.fill_null(_gap.mean().over("race_id")).fill_null(0.0),
}
# Who will be classified.
RELIABILITY = {
    "field_20": _logit(_field_not_classified),
    "driver_not_classified_20": _not_classified("driver", "races", 20, prior=5),
    "constructor_not_classified_10": _not_classified("constructor", "cars", 10, prior=10),
    "constructor_not_classified_20": _not_classified("constructor", "cars", 20, prior=10),
    "circuit_not_classified_10": _not_classified("circuit", "cars", 10, prior=40),
    "driver_races": (1 - pl.col("driver_races_20") / 20),
}
RELIABILITY_GRID = {
    "grid_log": _grid.log(),
    "no_grid_slot": pl.col("grid").is_null().cast(pl.Float64),
    "driver_points_10": _points("driver", 10, "races"),
    "constructor_points_10": _points("constructor", 10, "cars"),
}


def read(data: Path) -> pl.DataFrame:
    """All races that were held, a row per race, driver and moment.

    Beside the features: `win`, `podium`, `points` and `classified` (0 or 1), `finishing_order`, `is_scored`,
    and `baseline_win` and so on, the probabilities of the baselines; NULL before the first season with them.

    Raises:
        PlainError: there is no warehouse, or it has no such marts.
    """
    with open_warehouse(data) as connection:
        return frame(connection, ROWS)


def pace(moment: str) -> dict[str, pl.Expr]:
    """The inputs of the order at a moment."""
    return PACE | (GRID if moment == "after_qualifying" else {})


def reliability(moment: str) -> dict[str, pl.Expr]:
    """The inputs of being classified at a moment."""
    return RELIABILITY | (RELIABILITY_GRID if moment == "after_qualifying" else {})


def columns(frame: pl.DataFrame, expressions: dict[str, pl.Expr]) -> Array:
    """Rows by inputs."""
    return frame.select(**expressions).cast(pl.Float64).to_numpy()


class Grid(NamedTuple):
    """Where the rows of a frame stand in a table of races by cars: all races are worked on at once."""

    race: Index
    car: Index
    # Races by cars: whether there is a car.
    cars: Mask

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Grid:
        _, race, counts = np.unique(frame["race_id"].to_numpy(), return_inverse=True, return_counts=True)
        car: Index = np.empty(len(race), np.intp)
        by_race = np.argsort(race, kind="stable")
        car[by_race] = np.arange(len(race)) - np.repeat(np.cumsum(counts) - counts, counts)
        cars = np.zeros((len(counts), counts.max(initial=1)), bool)
        cars[race, car] = True
        return cls(race, car, cars)

    def put(self, values: Array, fill: float = 0) -> Array:
        """Races by cars, and by the further dimension of the values."""
        table = np.full((*self.cars.shape, *values.shape[1:]), fill, dtype=np.float64)
        table[self.race, self.car] = values
        return table

    def get(self, table: Array) -> Array:
        """Back to rows."""
        values: Array = table[self.race, self.car]
        return values
