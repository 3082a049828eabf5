#!/usr/bin/env python3
"""Check that the warehouse answers a query and, with --url, that a server is healthy. Containers run it.

It opens the warehouse for reading only, and for the time of one query: no build has to wait for it.
"""

import argparse
import sys
import urllib.request
from pathlib import Path

from pitwall.command import Parser, PlainError, exit_code, require
from pitwall.data_folder import data_folder

require("duckdb", "polars")

from pitwall.prediction.tables import open_warehouse  # noqa: E402

QUERY = "select count(*) from marts.dim_races"
SECONDS = 5


def check_warehouse(data: Path) -> None:
    """Ask the warehouse. Raises PlainError if it does not answer, or has no race."""
    with open_warehouse(data) as connection:
        row = connection.execute(QUERY).fetchone()
    if not row or not row[0]:
        raise PlainError(f"{data / 'warehouse.duckdb'}: marts.dim_races has no rows; run `make build`")
    print(f"{row[0]:,} races")


def check_server(url: str) -> None:
    """Ask a server. Raises PlainError if it does not answer, or says that a part of it is not healthy."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=SECONDS) as answer:
            # Airflow answers also if its scheduler has ended.
            if b'"unhealthy"' in answer.read():
                raise PlainError(f"{url}: says that a part of the server is unhealthy")
    except (OSError, ValueError) as error:
        raise PlainError(f"{url}: {getattr(error, 'reason', None) or error}") from None


def main() -> int:
    """The command line. Returns the exit code: 0 all answer, 2 with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", action="append", default=[], help="a page that must answer; may be repeated")
    parser.add_argument(
        "--no-warehouse", action="store_true", help="ask only the servers: there may be no warehouse yet"
    )
    options = parser.parse_args()
    data = data_folder()

    def action() -> None:
        if not options.no_warehouse:
            check_warehouse(data)
        for url in options.url:
            check_server(url)

    return exit_code("check_health", action, data)


if __name__ == "__main__":
    sys.exit(main())
