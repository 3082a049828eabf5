#!/usr/bin/env python3
"""Build the warehouse with `dbt build`. It replaces the last warehouse only if every test passed.

Reads $PITWALL_DATA/parquet, which csv_to_parquet.py writes, or the lake that $PITWALL_LAKE names. The new
warehouse is built in another place, so that readers of the last one are not disturbed and a build that fails
changes nothing. The snapshots, which are the history of revised results, are copied from the last warehouse.
If the code is unchanged and few seasons changed, DuckDB builds only those seasons again.
"""

import argparse
import sys

from pitwall.command import Parser, exit_code
from pitwall.data_folder import data_folder
from pitwall.warehouse.build import build
from pitwall.warehouse.engines import ENGINES


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(prog="build", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--engine", choices=ENGINES, default="duckdb", help="where to build (default: duckdb)"
    )
    parser.add_argument(
        "--unit-tests",
        choices=["changed", "always"],
        default="changed",
        help="when to run the unit tests: if the code changed since they passed (default), or always",
    )
    parser.add_argument("--full", action="store_true", help="build everything again, whatever changed")
    parser.add_argument(
        "--may-simulate", action="store_true", help="let simulated data replace a warehouse of real ones"
    )
    options = parser.parse_args()
    always = options.unit_tests == "always"
    return exit_code(
        "build",
        lambda: build(
            options.engine,
            unit_tests_always=always,
            full=options.full,
            may_simulate=options.may_simulate,
        ),
        data_folder(),
    )


if __name__ == "__main__":
    sys.exit(main())
