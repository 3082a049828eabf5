#!/usr/bin/env python3
"""Train the model of races: test it season by season, record the runs in MLflow, and register it.

It becomes the champion, which `make predict` and `make serve` use, if it meets all bars and is not worse than
the present champion. The predictions of the test go to the ledger, marked as a backtest.
"""

import argparse
import sys

from pitwall.command import Parser, exit_code, require
from pitwall.data_folder import data_folder

require(
    "duckdb",
    "polars",
    "mlflow",
    "pandas",
    "sqlalchemy",
    "alembic",
    "scipy",
    "lightgbm",
    installed_by="make train",
)

from pitwall.prediction import forecasting, tracking  # noqa: E402


def report(trained: forecasting.Trained) -> None:
    """Print the scores, and what became of the model."""
    print(tracking.table(trained.scores))
    print(f"The backtest is in {trained.file}; the next `make build` loads it.")
    version, reasons = trained.recorded.version, trained.recorded.reasons
    if reasons:
        print(f"Version {version} of the model is not the champion: {'; '.join(reasons)}.")
    else:
        print(f"Version {version} of the model is the champion. Next: `make predict`, `make serve`.")
    print("`make mlflow` shows the runs.")


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    data = data_folder()
    return exit_code("train", lambda: report(forecasting.train(data)), data / tracking.FOLDER)


if __name__ == "__main__":
    sys.exit(main())
