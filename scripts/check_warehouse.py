#!/usr/bin/env python3
"""Check that there is a warehouse, and that no other program keeps dbt and mf from opening it.

The Makefile runs it before `mf`, which says neither in one line.
"""

import argparse
import sys

from pitwall.command import Parser, exit_code
from pitwall.data_folder import data_folder
from pitwall.warehouse.engines import ENGINES, warehouse_of


def main() -> int:
    """The command line. Returns the exit code: 0 it can be opened, 2 with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--engine", choices=ENGINES, default="duckdb", help="whose warehouse (default: duckdb)"
    )
    options = parser.parse_args()
    data = data_folder()

    def action() -> None:
        warehouse_of(options.engine, data).reading()

    return exit_code("check_warehouse", action, data)


if __name__ == "__main__":
    sys.exit(main())
