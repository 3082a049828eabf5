"""Predictions: models of a race and of a season, and the ledger of what they said before it."""

import os

from pitwall.command import require

require("polars", "yaml")

# numpy reads it when it is imported. The matrices are small: more threads would only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# MLflow reads these when it is imported. By default it reports its use, and logs each step.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_LOGGING_LEVEL"] = "ERROR"
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
