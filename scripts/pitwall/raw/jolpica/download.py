"""Download the dump that jolpica-f1 gives to everybody, some days after it was made, and check it."""

import json
from pathlib import Path
from typing import Any

from pitwall.command import PlainError
from pitwall.raw.fetch import fetch, without_secrets
from pitwall.raw.manifest import file_sha256

INDEX_URL = "https://api.jolpi.ca/data/dumps/download/"
LICENCE = "CC BY-NC-SA 4.0, by jolpica-f1 and its contributors: not for commercial use"
MAX_INDEX = 1 << 20  # bytes


def fetch_dump(index_url: str, destination: Path) -> None:
    """Download the dump that an index names, and check its SHA-256.

    Raises:
        TemporaryError, PlainError: as fetch() does.
        PlainError: the index names no dump, or the file is not the one that it names. There is then no file.
    """
    index = destination.with_name(destination.name + ".json")
    try:
        fetch(index_url, index, max_bytes=MAX_INDEX)
        url, sha256 = _named(index, index_url)
    finally:
        index.unlink(missing_ok=True)
    fetch(url, destination)
    if file_sha256(destination) != sha256:
        destination.unlink()
        raise PlainError(
            f"{without_secrets(url)}: the download has another SHA-256 than {without_secrets(index_url)} "
            "says; try again later"
        )


def _named(index: Path, index_url: str) -> tuple[str, str]:
    """The address and the SHA-256 of the dump that an index names."""
    try:
        named: Any = json.loads(index.read_text(encoding="utf-8"))["delayed_dumps"]["csv"]
        url, sha256 = str(named["download_url"]), str(named["file_hash"]).lower()
    except (ValueError, KeyError, TypeError):
        raise PlainError(f"{without_secrets(index_url)}: names no dump of CSV files") from None
    if index_url.lower().startswith("https:") and not url.lower().startswith("https:"):
        raise PlainError(
            f"{without_secrets(index_url)}: names a dump at {without_secrets(url)}, not at https"
        )
    return url, sha256
