"""A race that is to come and its entrants, from the warehouse, and the checks of a starting grid.

What is read here is kept with the model, so that the server needs no warehouse.
"""

import csv
import json
import math
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pitwall.command import PlainError, first_line
from pitwall.prediction.tables import frame
from pitwall.prediction.targets import AFTER_QUALIFYING, BEFORE_WEEKEND

NO_SLOT = "pit"

RACES = """
select race_id, season, round, race_name, race_date, race_starts_at, is_held, circuit_ref
from marts.dim_races inner join marts.dim_circuits using (circuit_id)
order by season, round
"""
ENTRANTS = """
select entrants.*, driver_ref
from marts.fct_race_features as entrants inner join marts.dim_drivers using (driver_id)
where race_id = ?
order by known_at, championship_place nulls last, driver_id
"""


@dataclass(frozen=True)
class Race:
    """A race and its entrants.

    Attributes:
        starts_at: its start in UTC; NULL in many older races.
        before: the features of the entrants before the weekend, a row each, with their `driver_ref`.
        after: the same after qualifying; no rows if the source has no qualifying of this race yet.
    """

    season: int
    round: int
    name: str
    date: date
    starts_at: datetime | None
    circuit_ref: str
    before: pl.DataFrame
    after: pl.DataFrame

    def __str__(self) -> str:
        return f"{self.season} round {self.round}, {self.name}"


def races(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The calendar of all seasons, in order."""
    return frame(connection, RACES)


def next_race(connection: duckdb.DuckDBPyConnection, *, or_last: bool = False) -> Race:
    """The first race after the last one with results, or that one itself if no race is scheduled.

    Raises:
        PlainError: no race is scheduled, and the last one is not wanted; or there is no race at all.
    """
    calendar = races(connection)
    first = first_scheduled(calendar)
    if first < calendar.height:
        return race_of(connection, calendar.row(first, named=True))
    if not or_last or not first:
        raise PlainError(
            "no race is scheduled after the last one with results; run `make build` with newer data"
        )
    return race_of(connection, calendar.row(first - 1, named=True))


def scheduled_race(connection: duckdb.DuckDBPyConnection, season: int, round_: int) -> Race:
    """The race of this season and round. Raises PlainError if there is none, or if it is not to come."""
    calendar = races(connection)
    found = calendar.select((pl.col("season") == season) & (pl.col("round") == round_)).to_series().arg_true()
    if not len(found):
        raise PlainError(f"{season}-{round_}: the calendar has no such race; name one as SEASON-ROUND")
    row = calendar.row(found[0], named=True)
    if row["is_held"]:
        raise PlainError(f"{season}-{round_}: has results already, and a forecast is made before the race")
    if found[0] < first_scheduled(calendar):
        raise PlainError(f"{season}-{round_}: was cancelled: a later race has results, and this one has none")
    return race_of(connection, row)


def first_scheduled(calendar: pl.DataFrame) -> int:
    """The index of the first race after the last one with results."""
    held = calendar["is_held"].arg_true()
    return int(held[-1]) + 1 if len(held) else 0


def race_of(connection: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> Race:
    """A row of the calendar as a race with its entrants. Raises PlainError if it has none."""
    entrants = frame(connection, ENTRANTS, row["race_id"])
    if entrants.is_empty():
        raise PlainError(
            f"{row['season']}-{row['round']}: no race before it has results, so nobody is known to enter it"
        )
    return Race(
        season=row["season"],
        round=row["round"],
        name=row["race_name"],
        date=row["race_date"],
        starts_at=row["race_starts_at"],
        circuit_ref=row["circuit_ref"],
        before=entrants.filter(known_at=BEFORE_WEEKEND),
        after=entrants.filter(known_at=AFTER_QUALIFYING),
    )


def to_json(entrants: pl.DataFrame) -> str:
    """The entrants as JSON, a row each."""
    return json.dumps(entrants.to_dicts(), default=str, indent=1)


def from_json(text: str) -> pl.DataFrame:
    """The entrants from their JSON. Dates and decimals, which no input of the model is, stay texts."""
    return pl.DataFrame(json.loads(text), infer_schema_length=None)


def check_field(entrants: pl.DataFrame, drivers: Iterable[object]) -> list[int]:
    """The rows of the entrants, in the order of the drivers.

    Args:
        drivers: a ref or a full name each.

    Raises:
        PlainError: a driver is no entrant, is repeated or is missing.
    """
    known = {
        name.casefold(): index
        for column in ("driver_name", "driver_ref")
        for index, name in enumerate(entrants[column])
    }
    refs = entrants["driver_ref"].to_list()
    rows: list[int] = []
    for driver in drivers:
        index = known.get(driver.strip().casefold()) if isinstance(driver, str) else None
        if index is None:
            is_null = driver is None or driver != driver
            name = "a row has no driver" if is_null else f"driver {reprlib.repr(driver)} is no entrant"
            race = "{season} round {round}".format(**entrants.row(0, named=True))
            raise PlainError(f"{name}; the entrants of {race} are {', '.join(refs)}")
        if index in rows:
            raise PlainError(f"driver {reprlib.repr(driver)} is repeated")
        rows.append(index)
    missing = [ref for index, ref in enumerate(refs) if index not in rows]
    if missing:
        raise PlainError(f"a row is missing for {', '.join(missing)}; every entrant needs one")
    return rows


def check_slot(value: object, cars: int) -> int | None:
    """A grid slot from what a user gave. NULL if the car has none: it starts from the pit lane.

    Raises:
        PlainError: it is no whole number from 1 to the number of cars.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        text = value.strip()
        if text.casefold() in ("", NO_SLOT):
            return None
        value = int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else text
    # A Boolean is an int too.
    if not isinstance(value, int | float) or isinstance(value, bool) or value not in range(1, cars + 1):
        raise PlainError(
            f"grid {reprlib.repr(value)} is no slot: give a whole number from 1 to {cars}, or {NO_SLOT!r} "
            "for none"
        )
    return int(value)


def with_grid(entrants: pl.DataFrame, grid: Sequence[tuple[object, object]]) -> pl.DataFrame:
    """The features of the entrants after a qualifying that ended with this grid, in its order.

    The times of the qualifying stay NULL, as before the weekend.

    Args:
        entrants: their features before the weekend.
        grid: each driver, by ref or full name, and their slot.

    Raises:
        PlainError: what is wrong with the grid.
    """
    field = entrants[check_field(entrants, (driver for driver, _ in grid))]
    slots = [check_slot(slot, field.height) for _, slot in grid]
    taken = [slot for slot in slots if slot is not None]
    if not taken:
        raise PlainError("no driver has a grid slot")
    if repeated := [slot for slot in taken if taken.count(slot) > 1]:
        raise PlainError(f"grid slot {repeated[0]} is given to more than one driver")
    return field.with_columns(
        pl.lit(AFTER_QUALIFYING).alias("known_at"),
        pl.Series("grid", slots, dtype=pl.Int32),
    )


def read_grid(file: Path, entrants: pl.DataFrame) -> pl.DataFrame:
    """The features of the entrants after qualifying, with the grid of a CSV: columns `driver` and `grid`.

    Raises:
        PlainError: what is wrong with the file.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, strict=True)
            if set(reader.fieldnames or ()) != {"driver", "grid"}:
                raise PlainError("the columns must be driver and grid")
            rows = list(reader)
        if any(None in row or None in row.values() for row in rows):
            raise PlainError("a line has not two values")
        return with_grid(entrants, [(row["driver"], row["grid"]) for row in rows])
    except (PlainError, UnicodeDecodeError, csv.Error) as error:
        raise PlainError(f"{file}: {first_line(error)}") from None
