#!/usr/bin/env python3
"""Write the catalog of the last warehouse: one HTML page that needs no network, with every table and column.

It runs `dbt docs generate --static`, prints where the page is, and opens it if there is a display.
"""

import argparse
import os
import sys
import webbrowser

from pitwall.command import ROOT, Parser, exit_code
from pitwall.warehouse.catalog import generate
from pitwall.warehouse.engines import ENGINES


def make_page(engine: str) -> None:
    """Write the page, print where it is, and open it if there is a display."""
    # mf and `dbt docs serve` look in target/. Another engine has a folder of its own, because dbt parses the
    # whole project again if the connection differs from the last one.
    page = generate(engine, ROOT / "target" / ("" if engine == "duckdb" else engine))
    print(f"The catalog, one page that needs no network: {page}", flush=True)
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(page.as_uri())


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--engine", choices=ENGINES, default="duckdb", help="whose warehouse (default: duckdb)"
    )
    options = parser.parse_args()
    return exit_code("docs", lambda: make_page(options.engine), ROOT / "target")


if __name__ == "__main__":
    sys.exit(main())
