"""The challenger: LightGBM, which is tested beside the model on the same rows and inputs.

It has a classifier for each target. They know nothing of one another, so their probabilities of a race do not
add up.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import lightgbm
import numpy as np
import polars as pl

from pitwall.prediction import features
from pitwall.prediction.features import Array, Grid
from pitwall.prediction.model import HALF_LIFE_SEASONS, centred, known_before
from pitwall.prediction.targets import MOMENTS, TARGETS

NAME = "lightgbm"

# Chosen on the seasons 2010 to 2013. One thread and a fixed seed, so that it learns the same on each machine.
TREES = 60
PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.1,
    "num_leaves": 4,
    "min_data_in_leaf": 40,
    "lambda_l2": 5.0,
    "feature_fraction": 0.6,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 1,
    "verbosity": -1,
}


class Challenger(NamedTuple):
    """Fitted classifiers, by moment and target."""

    classifiers: dict[tuple[str, str], Any]

    @classmethod
    def fit(cls, rows: pl.DataFrame, before_season: int) -> Challenger:
        """Learn from all seasons before one, as the model does."""
        known = known_before(rows, before_season)
        found = {}
        for moment in MOMENTS:
            chosen = known.filter(known_at=moment)
            weights = 0.5 ** ((before_season - 1 - chosen["season"].to_numpy()) / HALF_LIFE_SEASONS)
            columns = inputs(chosen, moment)
            data = lightgbm.Dataset(columns, weight=weights, params=PARAMETERS, free_raw_data=False)
            for target in TARGETS:
                data.set_label(chosen[target].to_numpy())
                found[moment, target] = lightgbm.train(PARAMETERS, data, TREES)
        return cls(found)

    def probabilities(self, frame: pl.DataFrame, moment: str) -> pl.DataFrame:
        """race_id, driver_id, and a column per target, in the order of `frame`."""
        columns = inputs(frame, moment)
        return frame.select("race_id", "driver_id").with_columns(
            **{target: pl.Series(self.classifiers[moment, target].predict(columns)) for target in TARGETS}
        )


def inputs(frame: pl.DataFrame, moment: str) -> Array:
    """Rows by inputs: those of the model, with pace as differences within the race."""
    grid = Grid.of(frame)
    pace = grid.get(centred(grid, features.columns(frame, features.pace(moment))))
    columns: Array = np.column_stack([pace, features.columns(frame, features.reliability(moment))])
    return columns
