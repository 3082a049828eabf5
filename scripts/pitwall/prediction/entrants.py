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

import duckdb
import polars as pl
import polars.selectors as cs

from pitwall.command import PlainError, first_line

BEFORE_WEEKEND, AFTER_QUALIFYING = "before_weekend", "after_qualifying"
TARGETS = ("win", "podium", "points", "classified")
NO_SLOT = "pit"
# What only qualifying decides. A grid that the user gives has no times.
OF_QUALIFYING = ("gap_to_pole_ms", "qualifying_ms", "qualifying_position")

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
        race_id: its id in this warehouse.
        starts_at: its start in UTC; NULL in many older races.
        before: the features of the entrants before the weekend, a row each, with their `driver_ref`.
        after: the same after qualifying; no rows if the source has no qualifying of this race yet.
    """

    race_id: int
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


class Warehouse:
    """The marts that predictions read. It is open for reading, and only as long as it is read."""

    def __init__(self, data: Path) -> None:
        self.path = data / "warehouse.duckdb"
        if not self.path.exists():
            raise PlainError(f"{self.path}: there is no warehouse yet; run `make build` first")

    def query(self, sql: str, *values: object) -> pl.DataFrame:
        """The rows of a query. Raises PlainError if a mart is missing, or the file cannot be read."""
        try:
            with duckdb.connect(self.path, read_only=True) as connection:
                result = connection.execute(sql, values)
                names = [column[0] for column in result.description or ()]
                frame = pl.DataFrame(result.fetchall(), names, orient="row", infer_schema_length=None)
        except (duckdb.CatalogException, duckdb.BinderException):
            raise PlainError(
                f"{self.path}: was built before it had the tables for predictions; run `make build`"
            ) from None
        except duckdb.Error as error:
            raise PlainError(f"{self.path}: cannot be read: {first_line(error)}") from None
        return typed(frame)

    def races(self) -> pl.DataFrame:
        """All races, in order."""
        return self.query(RACES)

    def last_held(self) -> tuple[int, date]:
        """The season and the day of the last race that has results. Raises PlainError if there is none."""
        held = self.races().filter("is_held")
        if held.is_empty():
            raise PlainError(f"{self.path}: no race has results yet, so there is nothing to learn from")
        return held["season"][-1], held["race_date"][-1]

    def next_race(self, *, or_last: bool = False) -> Race:
        """The first race after the last one with results, or that one itself if no race is scheduled.

        Raises:
            PlainError: no race is scheduled, and the last one is not wanted.
        """
        races = self.races()
        held = races["is_held"].arg_true()
        after = held[-1] + 1 if len(held) else 0
        if after < races.height:
            return self.race(races.row(after, named=True))
        if not or_last or not after:
            raise PlainError(
                f"{self.path}: no race is scheduled after the last one with results; build from newer data"
            )
        return self.race(races.row(after - 1, named=True))

    def scheduled_race(self, season: int, round_: int) -> Race:
        """The race of this season and round. Raises PlainError if there is none, or if it has results."""
        found = self.races().filter(season=season, round=round_)
        if found.is_empty():
            raise PlainError(f"{season}-{round_}: the calendar has no such race; name one as SEASON-ROUND")
        if found["is_held"][0]:
            raise PlainError(
                f"{season}-{round_}: has results already, and a forecast is made before the race"
            )
        return self.race(found.row(0, named=True))

    def race(self, row: dict[str, object]) -> Race:
        """A row of the calendar as a race with its entrants. Raises PlainError if it has none."""
        entrants = self.query(ENTRANTS, row["race_id"])
        before = entrants.filter(known_at=BEFORE_WEEKEND)
        if before.is_empty():
            raise PlainError(
                f"{self.path}: there are no entrants of {row['season']}-{row['round']}; run `make build`"
            )
        after = entrants.filter(known_at=AFTER_QUALIFYING)
        names = {"race_name": "name", "race_date": "date", "race_starts_at": "starts_at"}
        fields = {names.get(name, name): value for name, value in row.items() if name != "is_held"}
        return Race(**fields, before=before, after=after)  # type: ignore[arg-type]


def typed(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with whole numbers in the columns that have no value."""
    return frame.with_columns(cs.by_dtype(pl.Null).cast(pl.Int64))


def to_json(entrants: pl.DataFrame) -> str:
    """The entrants as JSON, a row each."""
    return json.dumps(entrants.to_dicts(), default=str, indent=1)


def from_json(text: str) -> pl.DataFrame:
    """The entrants from their JSON."""
    frame = pl.DataFrame(json.loads(text), infer_schema_length=None)
    return typed(frame.with_columns(pl.col("race_date").str.to_date()))


def check_field(entrants: pl.DataFrame, drivers: Iterable[object]) -> list[int]:
    """The rows of the entrants, in the order of the drivers.

    Args:
        drivers: a ref or a full name each.

    Raises:
        PlainError: a driver is unknown, repeated or missing.
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
            name = (
                "a row has no driver"
                if driver is None or driver != driver
                else f"unknown driver {reprlib.repr(driver)}"
            )
            raise PlainError(f"{name}; the entrants are {', '.join(refs)}")
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

    Args:
        entrants: their features before the weekend.
        grid: each driver, by ref or full name, and their slot.

    Raises:
        PlainError: what is wrong with the grid.
    """
    frame = entrants[check_field(entrants, (driver for driver, _ in grid))]
    slots = [check_slot(slot, frame.height) for _, slot in grid]
    taken = [slot for slot in slots if slot is not None]
    if not taken:
        raise PlainError("no driver has a grid slot")
    if repeated := [slot for slot in taken if taken.count(slot) > 1]:
        raise PlainError(f"grid slot {repeated[0]} is given to more than one driver")
    return frame.with_columns(
        pl.lit(AFTER_QUALIFYING).alias("known_at"),
        pl.Series("grid", slots, dtype=pl.Int32),
        # A timed lap is unknown, so it is NULL.
        *(pl.lit(None, pl.Int64).alias(name) for name in OF_QUALIFYING),
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
