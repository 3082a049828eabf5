"""The calendar beside the Parquet files, `calendar.json`: for a scheduler, which reads no Parquet.

It has the races from the last season with results on, in order: their names, when they start, and whether
the source has their results.
"""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from pitwall.data_folder import regular

FILE = "calendar.json"


def write_calendar(parquet: Path) -> None:
    """Write the calendar of the tables in a folder."""
    (parquet / FILE).write_text(json.dumps(calendar_of(parquet), indent=1) + "\n", encoding="utf-8")


def calendar_of(parquet: Path) -> list[dict[str, Any]]:
    """The races from the last season with results on: all if no race has any."""
    races = pl.read_parquet(parquet / "races.parquet", glob=False)
    results = pl.read_parquet(parquet / "results.parquet", columns=["race_id"], glob=False)
    races = races.with_columns(has_results=pl.col("race_id").is_in(results["race_id"].unique().implode()))
    first = races.filter("has_results")["year"].max()
    if first is not None:
        races = races.filter(pl.col("year") >= first)
    columns = ("year", "round", "name", "date", "time", "has_results")
    rows = races.filter(pl.col("date").is_not_null()).sort("year", "round").select(columns).iter_rows()
    return [
        {
            "season": season,
            "round": round_,
            "name": name,
            "starts_at": starts_at(day, time),
            "has_results": has_results,
        }
        for season, round_, name, day, time, has_results in rows
    ]


def starts_at(day: date, time: str | None) -> str:
    """The start in UTC. A race whose time is not known is taken to start at noon."""
    try:
        start = datetime.strptime(time or "", "%H:%M:%S").time()
    except ValueError:
        start = datetime.min.replace(hour=12).time()
    return datetime.combine(day, start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_calendar(parquet: Path) -> list[dict[str, Any]]:
    """The calendar of a conversion; none if an older version of Pitwall converted."""
    try:
        calendar: list[dict[str, Any]] = json.loads(regular(parquet / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return calendar
