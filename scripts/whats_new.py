#!/usr/bin/env python3
"""Say whether the converted data have something new to build, and whether the source lacks a race.

A scheduler asks this between the conversion and the build. When its run is completed, it calls this again
with --completed, and the same data are no longer new.
"""

import argparse
import json
import sys
from datetime import UTC, datetime

from pitwall.command import Parser, exit_code
from pitwall.data_folder import data_folder
from pitwall.warehouse.engines import ENGINES
from pitwall.warehouse.news import find_news, remember


def main() -> int:
    """The command line. Returns the exit code: 0 said, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--engine", choices=ENGINES, default="duckdb", help="whose warehouse (default: duckdb)"
    )
    parser.add_argument("--json", action="store_true", help="print all that is known as one line of JSON")
    parser.add_argument(
        "--completed", metavar="FINGERPRINT", help="remember that the run of this fingerprint is completed"
    )
    options = parser.parse_args()
    data = data_folder()

    def action() -> None:
        if options.completed:
            remember(options.engine, data, options.completed)
            return
        news = find_news(options.engine, data, datetime.now(UTC))
        print(json.dumps(news._asdict()) if options.json else news.message)

    return exit_code("whats_new", action, data)


if __name__ == "__main__":
    sys.exit(main())
