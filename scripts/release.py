#!/usr/bin/env python3
"""Write the last warehouse as files to take away: Parquet, CSV, DuckDB, SQLite, and what describes them.

They are in a new folder, $PITWALL_DATA/releases/<date>. The warehouse is only read. Its NOTES.md says what
changed since the last release. docs/data-to-take-away.md says how to use each file.
"""

import argparse
import sys
from pathlib import Path

from pitwall.command import Parser, exit_code, require
from pitwall.data_folder import data_folder

require("duckdb", "polars", "frictionless", installed_by="make release")

from pitwall.release.make import release  # noqa: E402


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--previous",
        type=Path,
        metavar="FOLDER",
        help="the release to compare with (default: the newest one in the data folder)",
    )
    parser.add_argument("--only-changes", action="store_true", help="write no release if no table changed")
    options = parser.parse_args()
    data = data_folder()
    return exit_code(
        "release", lambda: release(data, options.previous, only_changes=options.only_changes), data
    )


if __name__ == "__main__":
    sys.exit(main())
