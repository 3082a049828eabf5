"""Predictions: models of a race and of a season, and the ledger of what they said before it."""

import os

from pitwall.command import require

require("polars", "yaml")

# MLflow reads these when it is imported. By default it reports its use, and logs each step.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_LOGGING_LEVEL"] = "ERROR"
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
