"""The model as MLflow loads and serves it. MLflow runs this file. The weights are JSON, no pickle.

A request has a row per entrant with the columns `driver` (ref or full name), `known_at` and `grid` (a slot;
NULL or 'pit' for a car without one). The answer has a row each, in the same order.
"""

import json
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import polars as pl
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from pitwall.command import PlainError
from pitwall.prediction.entrants import check_field, from_json, with_grid
from pitwall.prediction.model import Model
from pitwall.prediction.targets import AFTER_QUALIFYING, BEFORE_WEEKEND, TARGETS


class ServedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Predicts a race of its entrants."""

    def load_context(self, context: Any) -> None:
        """Read the weights and the entrants."""
        weights, entrants = (Path(context.artifacts[name]) for name in ("weights", "entrants"))
        self.model = Model.from_json(json.loads(weights.read_text(encoding="utf-8")))
        self.entrants = from_json(entrants.read_text(encoding="utf-8"))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """The probabilities of the drivers. Raises MlflowException with one line about a bad request."""
        try:
            frame = self.asked(model_input)
        except PlainError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from None
        table = self.model.probabilities(frame, frame["known_at"][0])
        names = {"driver": frame["driver_ref"], "driver_name": frame["driver_name"]}
        said = names | table.select(*TARGETS, "expected_order").to_dict()
        return pd.DataFrame({name: column.to_list() for name, column in said.items()})

    def asked(self, request: pd.DataFrame) -> pl.DataFrame:
        """The features that a request asks about, in its order. Raises PlainError if it is wrong."""
        if request.empty:
            raise PlainError("there are no rows")
        moments = set(map(repr, request["known_at"]))
        if moments == {repr(BEFORE_WEEKEND)}:
            if "grid" in request and not request["grid"].isna().all():
                raise PlainError(
                    f"a grid is not known {BEFORE_WEEKEND}; leave it out, or say {AFTER_QUALIFYING}"
                )
            return self.entrants[check_field(self.entrants, request["driver"])]
        if moments != {repr(AFTER_QUALIFYING)}:
            raise PlainError(f"known_at must be {BEFORE_WEEKEND} in all rows, or {AFTER_QUALIFYING} in all")
        if "grid" not in request:
            raise PlainError(f"the column grid is missing, which is known {AFTER_QUALIFYING}")
        return with_grid(self.entrants, list(zip(request["driver"], request["grid"], strict=True)))


mlflow.models.set_model(ServedModel())
