#!/usr/bin/env python3
"""Draw the pictures of docs/pictures from the last warehouse: a title race, and the layers of the project."""

import argparse
import sys

from pitwall.command import Parser, exit_code, require
from pitwall.data_folder import data_folder

require("duckdb", "polars")

from pitwall.site.pictures import FOLDER, write  # noqa: E402


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    return exit_code("pictures", lambda: write(data_folder()), FOLDER)


if __name__ == "__main__":
    sys.exit(main())
