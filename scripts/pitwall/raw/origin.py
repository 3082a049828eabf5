"""Where the converted data came from: `origin.txt`, beside the Parquet files, and what they are.

A build converts the same input again, and says what its data are.
"""

import os
from datetime import date
from pathlib import Path

from pitwall.data_folder import regular
from pitwall.raw.fetch import is_url, without_secrets

# Polars is imported only where it is used: a build without new data needs nothing but the name of its input.

FILE = "origin.txt"
ALSO = "origin_also.txt"  # the second source; missing if there is none
# The address of the pages of simulated drivers, races and seasons. It is reserved for examples.
SIMULATED_URL = "//example.org/"


def write_origin(parquet: Path, raw: str, also: str = "") -> None:
    """Record the input: the absolute path of a folder or zip, or a URL without its secrets."""
    for name, each in ((FILE, raw), (ALSO, also)):
        if each:
            origin = without_secrets(each) if is_url(each) else Path(each).absolute()
            (parquet / name).write_bytes(os.fsencode(origin))


def read_origin(parquet: Path, name: str = FILE) -> str:
    """The input of the data in a folder; "" if it is not known."""
    try:
        return os.fsdecode(regular(parquet / name).read_bytes())
    except OSError:
        return ""


def is_simulated(parquet: Path) -> bool:
    """Whether scripts/simulate.py made the data in a folder."""
    import polars as pl

    from pitwall.raw.values import POLARS_ERRORS

    try:
        urls = pl.read_parquet(regular(parquet / "seasons.parquet"), columns=["url"], glob=False)["url"]
    except (OSError, *POLARS_ERRORS):
        return False
    return bool(len(urls)) and bool(urls.str.contains(SIMULATED_URL, literal=True).all())


def describe(parquet: Path) -> str:
    """What the data in a folder are: `real files to 5 Oct 2025`, or `simulated seasons 2021 to 2025`."""
    first, last = held_races(parquet)
    if not first or not last:
        return "files without results"
    if is_simulated(parquet):
        return f"simulated seasons {first.year} to {last.year}"
    return f"real files to {last.day} {last:%b %Y}"


def held_races(parquet: Path) -> tuple[date | None, date | None]:
    """The dates of the first and of the last race with results."""
    import polars as pl

    from pitwall.raw.values import POLARS_ERRORS

    try:
        races = pl.scan_parquet(regular(parquet / "races.parquet"), glob=False)
        results = pl.scan_parquet(regular(parquet / "results.parquet"), glob=False)
        held = races.join(results, on="race_id", how="semi")
        first, last = held.select(first=pl.col("date").min(), last=pl.col("date").max()).collect().row(0)
    except (OSError, *POLARS_ERRORS):
        return None, None
    return first, last
