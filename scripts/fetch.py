#!/usr/bin/env python3
"""Download the public archive of race data, which is refreshed after every race."""

import shlex
import sys
import zipfile
from pathlib import Path

from pitwall.command import Parser, PlainError, exit_code, printable
from pitwall.data_folder import data_folder
from pitwall.raw.fetch import fetch, without_secrets
from pitwall.raw.locate import check_local

ARCHIVE_URL = "https://github.com/TracingInsights/RaceData/releases/latest/download/data.zip"


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(
        prog="fetch",
        description=__doc__,
        epilog="example: .venv/bin/python scripts/fetch.py && make build RAW=data/raw/ergast.zip",
    )
    parser.add_argument(
        "--url", default=ARCHIVE_URL, help="another zip of the same files (default: %(default)s)"
    )
    parser.add_argument(
        "out", nargs="?", type=Path, help="file to write (default: $PITWALL_DATA/raw/ergast.zip)"
    )
    options = parser.parse_args(arguments)
    out: Path = options.out or data_folder() / "raw" / "ergast.zip"

    def action() -> None:
        check_local(out)
        if out.exists() and not out.is_file():
            raise PlainError(f"{out}: no file, so the download cannot replace it; name a file")
        fresh = out.with_name(out.name + ".new")
        try:
            fetch(options.url, fresh)
            if not zipfile.is_zipfile(fresh):
                raise PlainError(f"{without_secrets(options.url)}: the download is not a zip")
            fresh.replace(out)
        finally:
            fresh.unlink(missing_ok=True)
        print(printable(f"{out}: {out.stat().st_size:,} bytes"))
        print(printable(f"next: make build RAW={shlex.quote(str(out))}"))

    return exit_code("fetch", action, out)


if __name__ == "__main__":
    sys.exit(main())
