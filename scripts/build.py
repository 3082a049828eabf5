#!/usr/bin/env python3
"""Run `dbt build` aside, and put the new warehouse in the place of the old one only if all went well.

Reads $PITWALL_DATA/parquet, which csv_to_parquet.py writes, or the lake that $PITWALL_LAKE names. Whoever
reads the old warehouse is not disturbed, and a failed build changes nothing. The snapshots, which tell how
results were revised, are taken over from the old warehouse before dbt adds to them.
"""

import argparse
import sys

from pitwall.command import exit_code
from pitwall.data_folder import data_folder
from pitwall.warehouse.build import build
from pitwall.warehouse.engines import WAREHOUSES

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--engine", choices=WAREHOUSES, default="duckdb", help="where to build (default: duckdb)"
    )
    parser.add_argument(
        "--unit-tests",
        choices=["changed", "always"],
        default="changed",
        help="when to run the unit tests: if the code changed since they passed (default), or always",
    )
    parser.add_argument("--full", action="store_true", help="make everything anew, whatever changed")
    options = parser.parse_args()
    always = options.unit_tests == "always"

    def action() -> None:
        build(options.engine, unit_tests_always=always, full=options.full)

    sys.exit(exit_code("build", action, data_folder()))
