#!/usr/bin/env python3
"""Check that the warehouse answers a query and, with --url, that a server answers. Containers run it.

It opens the warehouse for reading only, and for the time of one query: no build has to wait for it.
"""

import argparse
import sys
import urllib.request

from pitwall.command import Parser, PlainError, exit_code, require
from pitwall.data_folder import data_folder

require("duckdb", "polars")

from pitwall.prediction.tables import open_warehouse  # noqa: E402

QUERY = "select count(*) from marts.dim_races"
SECONDS = 5


def check_server(url: str) -> None:
    """Ask a server. Raises PlainError if it does not answer, or says that something is wrong."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        direct.open(url, timeout=SECONDS).close()
    except (OSError, ValueError) as error:
        raise PlainError(f"{url}: {getattr(error, 'reason', None) or error}") from None


def main() -> int:
    """The command line. Returns the exit code: 0 all answer, 2 with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", action="append", default=[], help="a page that must answer; may be repeated")
    urls = parser.parse_args().url
    data = data_folder()

    def action() -> None:
        with open_warehouse(data) as connection:
            row = connection.execute(QUERY).fetchone()
        if not row or not row[0]:
            raise PlainError(f"{data / 'warehouse.duckdb'}: marts.dim_races has no rows; run `make build`")
        for url in urls:
            check_server(url)
        print(f"{row[0]:,} races")

    return exit_code("check_health", action, data)


if __name__ == "__main__":
    sys.exit(main())
