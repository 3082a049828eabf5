"""Whether there is something new to build, and whether the source is behind the calendar.

Both are about what was converted last. Something is new if the raw data, the code or the lake are not those
of the last run that was completed: `remember` writes down which these are. The source is stale if a race was
held some time ago, and it has no results of it: the same rule as that of `dbt source freshness`.
"""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pitwall.command import ROOT, PlainError
from pitwall.raw.calendar import read_calendar
from pitwall.raw.lake import lake_from_environment
from pitwall.raw.manifest import read_manifest
from pitwall.raw.origin import describe, is_simulated
from pitwall.raw.schema import LOADER, SOURCES
from pitwall.warehouse.dbt import target_folder
from pitwall.warehouse.fingerprint import code_fingerprint

FILE = "completed"
WINTER = 120  # days: a winter break is not longer; as in the sources YAML


class News(NamedTuple):
    """What is known of the data that were converted last.

    Args:
        is_new: whether a build is wanted.
        is_stale: whether the source lacks a race that it should have by now.
        is_simulated: whether no source but the simulator made the data.
        message: both in a sentence each.
        input: what the data are, such as `real files to 5 Oct 2025`.
        next_race: the name of the next race of the calendar; "" if it has none.
        fingerprint: of all that a build depends on but the ledger of forecasts.
    """

    is_new: bool
    is_stale: bool
    is_simulated: bool
    message: str
    input: str
    next_race: str
    fingerprint: str


def find_news(engine: str, data: Path, now: datetime) -> News:
    """Compare the data that were converted last with those of the last completed run, and with the calendar.

    Raises:
        PlainError: there are no data.
    """
    parquet, lake = data / "parquet", lake_from_environment()
    tables = lake.tables() if lake else read_manifest(parquet)
    if not tables:
        raise PlainError(f"{lake or parquet}: no data yet; convert the raw files first, or run `make build`")
    content = sorted((name, row["parquet_sha256"]) for name, row in tables.items())
    known = json.dumps([str(lake), code_fingerprint(ROOT), content])
    fingerprint = hashlib.sha256(known.encode()).hexdigest()
    is_new = fingerprint != last_completed(engine, data)
    simulated = is_simulated(parquet)
    calendar = read_calendar(parquet)
    late = "" if simulated else what_is_late(calendar, now)
    what = describe(parquet)
    news = f"new: {what}" if is_new else f"nothing new: {what}"
    coming = next((race for race in calendar if not race["has_results"] and is_to_come(race, calendar)), None)
    return News(
        is_new=is_new,
        is_stale=bool(late),
        is_simulated=simulated,
        message=f"{news}.{late and f' {late}.'}",
        input=what,
        next_race=f"{coming['season']} {coming['name']}" if coming else "",
        fingerprint=fingerprint,
    )


def is_to_come(race: dict[str, Any], calendar: list[dict[str, Any]]) -> bool:
    """Whether no later race has results. A race before one with results was cancelled."""
    return not any(other["has_results"] and other["starts_at"] > race["starts_at"] for other in calendar)


def what_is_late(calendar: list[dict[str, Any]], now: datetime) -> str:
    """Which race the source lacks, and since when; "" if none."""
    held = [race for race in calendar if race["has_results"]]
    if not held:
        return ""
    newest = max(held, key=lambda race: race["starts_at"])
    missing = min(
        (race for race in calendar if race["starts_at"] > newest["starts_at"]),
        key=lambda race: race["starts_at"],
        default=None,
    )
    latest = day_of(newest) + timedelta(WINTER)
    since = day_of(missing) if missing else latest
    days = (now.date() - since).days
    if days <= days_allowed():
        return ""
    if missing:
        when = f"{days} days ago, on {since:%-d %b %Y}"
        return f"stale: the {missing['name']} was {when}, and the source does not have it"
    return (
        f"stale: the newest results are those of the {newest['name']} on {day_of(newest):%-d %b %Y}, and no "
        f"winter break is longer than {WINTER} days"
    )


def day_of(race: dict[str, Any]) -> date:
    """The day on which a race of the calendar starts."""
    return datetime.fromisoformat(race["starts_at"]).astimezone(UTC).date()


def days_allowed() -> int:
    """How many days the source may take to get a race: when `dbt source freshness` warns."""
    declared = yaml.load(SOURCES.read_text(encoding="utf-8"), LOADER)
    [source] = declared["sources"]
    return int(source["config"]["freshness"]["warn_after"]["count"])


def last_completed(engine: str, data: Path) -> str:
    """The fingerprint of the last completed run; "" if there is none, or its warehouse is gone."""
    if engine == "duckdb" and not (data / "warehouse.duckdb").exists():
        return ""
    try:
        return (target_folder(engine, data) / FILE).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def remember(engine: str, data: Path, fingerprint: str) -> None:
    """Write down what the run that is completed now was of."""
    folder = target_folder(engine, data)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(f"{fingerprint}\n", encoding="utf-8")
