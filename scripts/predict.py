#!/usr/bin/env python3
"""Predict a race with the champion of `make train`, and write the forecast to the ledger.

It predicts the next race that is scheduled: before the weekend, and after qualifying if the grid is known.
The ledger keeps every forecast. A forecast counts only if it was made before the race.
"""

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

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
    installed_by="make predict",
)

from pitwall.prediction import forecasting  # noqa: E402
from pitwall.prediction.targets import TARGETS  # noqa: E402
from pitwall.raw.predictions import FOLDER  # noqa: E402

TITLES = 5  # how many drivers are printed


def race_number(text: str) -> tuple[int, int]:
    """Season and round from `SEASON-ROUND`."""
    match = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no race; give its season and round, as 2025-19")
    return int(match[1]), int(match[2])


def percent(probability: float) -> str:
    """A probability in per cent. What is neither sure nor impossible is not shown as if it were."""
    if 0 < probability < 0.001:
        return "<0.1"
    if 0.999 < probability < 1:
        return ">99.9"
    return f"{100 * probability:.1f}"


def lines(forecast: forecasting.Forecast) -> list[str]:
    """A forecast as a table."""
    is_late = forecast.known_at == "after_qualifying"
    heads = ["", "driver", *(["grid"] if is_late else []), *(f"{target} %" for target in TARGETS)]
    rows = [heads]
    for place, row in enumerate(forecast.table.to_dicts(), start=1):
        slot = [str(row["grid"] or "pit")] if is_late else []
        rows.append([str(place), row["driver_name"], *slot, *(percent(row[target]) for target in TARGETS)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if index == 1 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def report(predicted: forecasting.Predicted) -> None:
    """Print the forecasts, the leading odds of the title, and where they were written."""
    race = predicted.race
    for forecast in predicted.forecasts:
        print(f"{race}, {forecast.known_at.replace('_', ' ')}:\n")
        print("\n".join(lines(forecast)))
        print()
    if predicted.titles.height:
        odds = predicted.titles.head(TITLES).iter_rows()
        print(f"Title: {', '.join(f'{name} {percent(chance)} %' for name, chance in odds)}.")
    print(
        f"Written to {predicted.file}, by version {predicted.version} of the model; the next `make build` "
        "loads it."
    )
    today = datetime.now(UTC)
    if (race.starts_at.replace(tzinfo=UTC) <= today) if race.starts_at else (race.date <= today.date()):
        print(f"The race was to start on {race.date}, so this forecast does not count in the scores.")


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--race",
        metavar="SEASON-ROUND",
        type=race_number,
        help="another race that is scheduled (default: the next)",
    )
    parser.add_argument(
        "--grid",
        metavar="FILE",
        type=Path,
        help="a CSV with the columns driver (ref or full name) and grid (a slot, or pit for none)",
    )
    options = parser.parse_args()
    data = data_folder()
    return exit_code(
        "predict",
        lambda: report(forecasting.predict(data, options.race, options.grid)),
        data / FOLDER,
    )


if __name__ == "__main__":
    sys.exit(main())
