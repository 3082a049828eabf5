#!/usr/bin/env python3
"""Separate the driver from the car: split the finishing orders of some seasons, with intervals.

It reads the last warehouse. The same seasons in two halves are split too and printed beside them, because the
split moves with the window.

example: .venv/bin/python scripts/driver_and_car.py --from 2014 --to 2021
"""

import argparse
import sys

from pitwall.command import Parser, exit_code, require, whole_number
from pitwall.data_folder import data_folder

require("duckdb", "polars", "numpy", "scipy", installed_by="make ml-extra")

from pitwall.prediction.driver_and_car import report  # noqa: E402


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="first", type=whole_number, required=True, metavar="SEASON")
    parser.add_argument("--to", dest="last", type=whole_number, required=True, metavar="SEASON")
    options = parser.parse_args()
    data = data_folder()
    return exit_code("driver_and_car", lambda: report(data, options.first, options.last), data)


if __name__ == "__main__":
    sys.exit(main())
