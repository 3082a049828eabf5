#!/usr/bin/env python3
"""Test the predictions on past seasons, and print what was found beside the bars, with intervals.

Each season is predicted by a model that has seen only the seasons before it; beside it are the baselines and
LightGBM. It reads the warehouse and writes nothing. It fails if a bar is not met.
"""

import argparse
import sys
from pathlib import Path

from pitwall.command import Parser, PlainError, exit_code, require
from pitwall.data_folder import data_folder

require("duckdb", "polars", "numpy", "scipy", "lightgbm", installed_by="make backtest")

from pitwall.prediction import bars, features, title, walk_forward  # noqa: E402


def test(data: Path) -> None:
    """Print the bars. Raises PlainError if one is not met, or if they cannot be measured."""
    found = bars.of_races(walk_forward.run(features.read(data), bars.FIRST_SEASON, bars.LAST_SEASON))
    found += bars.of_titles(title.scores(title.test(data)))
    print(f"Races of {bars.FIRST_SEASON} to {bars.LAST_SEASON}.", end=" ")
    print(f"Titles of {title.FIRST_TESTED} to {title.LAST_TESTED}.")
    print("An interval is of races, or seasons, that are drawn at random.", end=" ")
    print("Values are rounded to the decimals of their bar.\n")
    print(bars.text(found))
    broken = [bar for bar in found if not bar.passed]
    if broken:
        names = "; ".join(bar.name for bar in broken)
        raise PlainError(f"{len(broken)} of {len(found)} bars are not met: {names}")


def main() -> int:
    """The command line. Returns the exit code: 0 all bars are met, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    data = data_folder()
    return exit_code("backtest", lambda: test(data), data)


if __name__ == "__main__":
    sys.exit(main())
