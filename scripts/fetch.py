#!/usr/bin/env python3
"""Download real results: the public archive, which is refreshed after every race, or jolpica-f1's dump."""

import argparse
import shlex
import sys
import zipfile
from pathlib import Path

from pitwall.command import Parser, PlainError, exit_code, printable
from pitwall.data_folder import data_folder
from pitwall.raw.fetch import fetch, without_secrets
from pitwall.raw.jolpica.download import INDEX_URL, LICENCE, fetch_dump
from pitwall.raw.locate import check_local

ARCHIVE_URL = "https://github.com/TracingInsights/RaceData/releases/latest/download/data.zip"
FILES = {"archive": "ergast.zip", "jolpica": "jolpica.zip"}  # by source, below $PITWALL_DATA/raw
EXAMPLES = """
examples:
  .venv/bin/python scripts/fetch.py && make build RAW=data/raw/ergast.zip
  .venv/bin/python scripts/fetch.py --source jolpica && make build RAW=data/raw/jolpica.zip
"""


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(
        prog="fetch",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--source", choices=FILES, default="archive", help="what to download (default: %(default)s)"
    )
    parser.add_argument(
        "--url",
        help=f"another zip of the same files (default: {ARCHIVE_URL}); of jolpica, the JSON that names the "
        f"zip and its SHA-256 (default: {INDEX_URL})",
    )
    parser.add_argument(
        "out",
        nargs="?",
        type=Path,
        help="file to write (default: $PITWALL_DATA/raw/ergast.zip, or jolpica.zip)",
    )
    options = parser.parse_args(arguments)
    is_dump = options.source == "jolpica"
    out: Path = options.out or data_folder() / "raw" / FILES[options.source]
    url: str = options.url or (INDEX_URL if is_dump else ARCHIVE_URL)

    def action() -> None:
        check_local(out)
        if out.exists() and not out.is_file():
            raise PlainError(f"{out}: no file, so the download cannot replace it; name a file")
        fresh = out.with_name(out.name + ".new")
        try:
            if is_dump:
                fetch_dump(url, fresh)
            else:
                fetch(url, fresh)
            if not zipfile.is_zipfile(fresh):
                raise PlainError(f"{without_secrets(url)}: the download is not a zip")
            fresh.replace(out)
        finally:
            fresh.unlink(missing_ok=True)
        print(printable(f"{out}: {out.stat().st_size:,} bytes"))
        if is_dump:
            print(f"licence: {LICENCE}")
        print(printable(f"next: make build RAW={shlex.quote(str(out))}"))

    return exit_code("fetch", action, out)


if __name__ == "__main__":
    sys.exit(main())
