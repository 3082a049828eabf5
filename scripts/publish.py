#!/usr/bin/env python3
"""Copy the newest release to a folder that a web server shows, or to S3. It replaces the last one as a whole.

A folder becomes a link to a folder beside it, FOLDER.<release>. In s3://bucket/prefix the files are in
<prefix>/<release>/, and <prefix>/latest.json, which is written last, names that release. A reader sees either
the last release or this one, never a part of one.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from pitwall.command import Parser, PlainError, exit_code, require
from pitwall.data_folder import data_folder
from pitwall.raw.lake import Prefix

require("duckdb", "polars", "frictionless", installed_by="make release")

from pitwall.release.make import FOLDER, versions_in  # noqa: E402

LATEST = "latest.json"


def newest(releases: Path) -> str:
    """The version of the newest release. Raises PlainError if there is none."""
    versions = versions_in(releases) if releases.is_dir() else []
    if not versions:
        raise PlainError(f"{releases}: there is no release yet; run `make release` first")
    return versions[-1]


def publish(release: Path, public: Path) -> None:
    """Copy a release, and let the name of the public folder mean the copy.

    Raises:
        PlainError: the public folder is not a link that this made.
    """
    if os.path.lexists(public) and not public.is_symlink():
        raise PlainError(f"{public}: exists, and is not the link that this makes; name another folder")
    last = public.resolve() if public.is_symlink() else None
    copy = public.with_name(f"{public.name}.{release.name}")
    if last == copy.resolve() and copy.is_dir():
        return
    public.parent.mkdir(parents=True, exist_ok=True)
    new_copy, new_link = (public.with_name(f".{public.name}.{name}") for name in ("new", "link"))
    shutil.rmtree(new_copy, ignore_errors=True)
    new_link.unlink(missing_ok=True)
    try:
        shutil.copytree(release, new_copy)
        shutil.rmtree(copy, ignore_errors=True)
        new_copy.rename(copy)
        new_link.symlink_to(copy.name)
        new_link.replace(public)
    finally:
        shutil.rmtree(new_copy, ignore_errors=True)
        new_link.unlink(missing_ok=True)
    if last and last.parent == copy.resolve().parent and last.name.startswith(f"{public.name}."):
        shutil.rmtree(last, ignore_errors=True)


class PublicPrefix(Prefix):
    """A prefix of a bucket where readers find releases."""

    setting = "the address"
    installed_by = "`make s3-extra`"

    def publish(self, release: Path) -> None:
        """Put the files of a release there, then the object that names it as the latest.

        Earlier releases stay, because somebody may be reading them.
        """
        latest = json.dumps({"version": release.name, "path": f"{release.name}/"}).encode()
        with self.plain_errors():
            try:
                if self.files.cat_file(f"{self}/{LATEST}") == latest:
                    return
            except FileNotFoundError:
                pass
            for path in sorted(release.iterdir()):
                self.files.put_file(str(path), f"{self}/{release.name}/{path.name}")
            self.files.pipe_file(f"{self}/{LATEST}", latest)


def main() -> int:
    """The command line. Returns the exit code: 0 done, 2 failed with one line on stderr."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "public", metavar="FOLDER", help="the name that the web server shows, or s3://bucket/prefix"
    )
    named: str = parser.parse_args().public
    is_s3 = named.startswith("s3://")
    public = Path(named).absolute()

    def action() -> None:
        releases = data_folder() / FOLDER
        release = releases / newest(releases)
        if is_s3:
            PublicPrefix(named).publish(release)
        else:
            publish(release, public)
        print(f"Release {release.name} is published: {named.rstrip('/') if is_s3 else public}")

    return exit_code("publish", action, data_folder() if is_s3 else public)


if __name__ == "__main__":
    sys.exit(main())
