#!/usr/bin/env python3
"""Copy the newest release to a folder that a web server shows. It replaces the last copy as a whole.

FOLDER becomes a link to a folder beside it, FOLDER.<release>. A reader sees either the last release or this
one, never a part of one.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from pitwall.command import Parser, PlainError, exit_code, require
from pitwall.data_folder import data_folder

require("duckdb", "polars", "frictionless", installed_by="make release")

from pitwall.release.make import FOLDER, versions_in  # noqa: E402


def publish(releases: Path, public: Path) -> str:
    """Copy the newest release, and let the name of the public folder mean the copy. Returns its version.

    Raises:
        PlainError: there is no release, or the public folder is not a link that this made.
    """
    versions = versions_in(releases) if releases.is_dir() else []
    if not versions:
        raise PlainError(f"{releases}: there is no release yet; run `make release` first")
    version = versions[-1]
    if os.path.lexists(public) and not public.is_symlink():
        raise PlainError(f"{public}: exists, and is not the link that this makes; name another folder")
    last = public.resolve() if public.is_symlink() else None
    copy = public.with_name(f"{public.name}.{version}")
    if last == copy.resolve() and copy.is_dir():
        return version
    public.parent.mkdir(parents=True, exist_ok=True)
    new_copy, new_link = (public.with_name(f".{public.name}.{name}") for name in ("new", "link"))
    shutil.rmtree(new_copy, ignore_errors=True)
    new_link.unlink(missing_ok=True)
    try:
        shutil.copytree(releases / version, new_copy)
        shutil.rmtree(copy, ignore_errors=True)
        new_copy.rename(copy)
        new_link.symlink_to(copy.name)
        new_link.replace(public)
    finally:
        shutil.rmtree(new_copy, ignore_errors=True)
        new_link.unlink(missing_ok=True)
    if last and last.parent == copy.resolve().parent and last.name.startswith(f"{public.name}."):
        shutil.rmtree(last, ignore_errors=True)
    return version


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="the name that the web server shows")
    options = parser.parse_args()
    public: Path = options.folder.absolute()

    def action() -> None:
        version = publish(data_folder() / FOLDER, public)
        print(f"Release {version} is published: {public}")

    return exit_code("publish", action, public)


if __name__ == "__main__":
    sys.exit(main())
