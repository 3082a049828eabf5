"""A small championship and a model of grid slots, behind the interface of the real ones.

They are fast, and a test can choose what the bars say.
"""

import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import duckdb
import polars as pl
import pytest

from pitwall.prediction.entrants import Warehouse

# MLflow calls what other libraries have deprecated; Python shows users none of it.
OF_LIBRARIES = ("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
SEASONS, ROUNDS = range(2020, 2024), 3
DRIVERS = ("Ada Lovelace", "Emmy Noether", "Sofja Kowalewskaja", "Niels Abel", "Évariste Galois", "Carl Gauß")
REFS = ("lovelace", "noether", "kowalewskaja", "abel", "galois", "gauss")
CHANCES = [0.4, 0.25, 0.15, 0.1, 0.06, 0.04]


class StandIn:
    """Knows one number: how much of the chances are shared equally."""

    def __init__(self, share: float) -> None:
        self.share = share

    @classmethod
    def fit(cls, rows: Any, through_season: int) -> "StandIn":
        assert through_season == SEASONS[-1]
        return cls(0.1)

    def to_json(self) -> dict[str, Any]:
        return {"share": self.share}

    @classmethod
    def from_json(cls, weights: dict[str, Any]) -> "StandIn":
        return cls(weights["share"])

    def probabilities(self, frame: pl.DataFrame) -> pl.DataFrame:
        cars = frame.height
        place = frame["grid"] if frame["known_at"][0] == "after_qualifying" else frame["championship_place"]
        order = place.fill_null(cars).rank("ordinal").to_list()
        win = [(1 - self.share) * CHANCES[rank - 1] + self.share / cars for rank in order]
        podium = [min(1.0, each + 2 / cars * (1 - each)) for each in win]
        podium = [each * 3 / sum(podium) for each in podium]
        return pl.DataFrame(
            {
                "driver_id": frame["driver_id"],
                "win": win,
                "podium": podium,
                "points": [1.0] * cars,
                "classified": [0.8] * cars,
                "expected_order": [float(each) for each in order],
            }
        )


class StandInBar(NamedTuple):
    name: str
    value: float
    interval: tuple[float, float] | None
    limit: float
    passed: bool


class StandInBacktest:
    """A backtest of the last two seasons."""

    def __init__(self, predictions: pl.DataFrame, log_loss: float, bars: Sequence[StandInBar]) -> None:
        self.predictions = predictions
        self.log_loss = log_loss
        self._bars = bars

    def scores(self) -> pl.DataFrame:
        return pl.DataFrame(
            [
                {
                    "season": season,
                    "known_at": known_at,
                    "target": target,
                    "model": model,
                    "log_loss": self.log_loss + extra,
                    "brier": 0.05,
                    "calibration_error": 0.01,
                    "log_loss_baseline": 0.25,
                }
                for season in (None, *SEASONS[2:])
                for known_at in ("before_weekend", "after_qualifying")
                for target in ("win", "podium")
                for model, extra in (("plackett_luce", 0.0), ("lightgbm", 0.01))
            ]
        )

    def bars(self) -> list[StandInBar]:
        return list(self._bars)


class StandInTest:
    """Stands for `walk_forward`. A test sets what it finds."""

    def __init__(self) -> None:
        self.log_loss = 0.2
        self.bars = [StandInBar("podium log loss after qualifying", 0.2, (0.19, 0.21), 0.209, True)]

    def run(self, rows: pl.DataFrame) -> StandInBacktest:
        held = rows.filter("is_held", pl.col("season") >= SEASONS[2]).with_columns(
            target=pl.lit("win"), probability=0.1666, outcome=False
        )
        models = pl.DataFrame({"model": ["plackett_luce", "lightgbm", "grid_slot"]})
        columns = ("season", "round", "race_id", "driver_id", "known_at", "model", "target", "probability")
        predictions = held.join(models, how="cross").select(*columns, "outcome")
        return StandInBacktest(predictions, self.log_loss, self.bars)


def read(data: Path) -> pl.DataFrame:
    """Stands for `features.read`."""
    return Warehouse(data).query("from marts.fct_race_features")


def install(monkeypatch: pytest.MonkeyPatch) -> StandInTest:
    """Put the stand-ins in the place of the real ones. Returns the one that a test can set."""
    for name in ("model", "walk_forward", "features"):
        module = f"pitwall.prediction.{name}"
        if module not in sys.modules:
            sys.modules[module] = ModuleType(module)
            setattr(sys.modules["pitwall.prediction"], name, sys.modules[module])
    found = StandInTest()
    monkeypatch.setattr("pitwall.prediction.model.Model", StandIn, raising=False)
    monkeypatch.setattr("pitwall.prediction.features.read", read, raising=False)
    monkeypatch.setattr("pitwall.prediction.walk_forward.run", found.run, raising=False)
    import pitwall.prediction.forecasting

    monkeypatch.setattr(pitwall.prediction.forecasting, "Model", StandIn)
    return found


def write_warehouse(data: Path, *, scheduled: int = 2, has_qualifying: bool = False) -> Path:
    """Write a warehouse of four short seasons; the last races of the last one are only scheduled."""
    races, entrants = [], []
    for season in SEASONS:
        for number in range(1, ROUNDS + 1):
            race_id = 10 * season + number
            is_held = season < SEASONS[-1] or number <= ROUNDS - scheduled
            day = date(season, 3, 1) + timedelta(days=14 * number)
            races.append((race_id, season, number, 1, f"{number}. Grand Prix", day, None, is_held))
            is_next = not is_held and number == ROUNDS - scheduled + 1
            for known_at in ("before_weekend", "after_qualifying"):
                late = known_at == "after_qualifying"
                if late and not is_held and not (is_next and has_qualifying):
                    continue
                for index, name in enumerate(DRIVERS):
                    grid = index + 1 if late else None
                    row = (race_id, index + 1, known_at, season, number, f"{number}. Grand Prix", day)
                    row += (
                        name,
                        f"Team {index // 2}",
                        is_held,
                        len(DRIVERS),
                        grid,
                        None,
                        None,
                        grid,
                        index + 1,
                    )
                    entrants.append(row)
    data.mkdir(parents=True, exist_ok=True)
    path = data / "warehouse.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(path) as connection:
        connection.execute(
            """
            create schema marts;
            create table marts.dim_circuits (circuit_id int, circuit_ref text);
            insert into marts.dim_circuits values (1, 'ring');
            create table marts.dim_drivers (driver_id int, driver_ref text);
            create table marts.dim_races (race_id int, season int, round int, circuit_id int, race_name text,
                race_date date, race_starts_at timestamp, is_held boolean);
            create table marts.fct_race_features (race_id int, driver_id int, known_at text, season int,
                round int, race_name text, race_date date, driver_name text, constructor_name text,
                is_held boolean, field_cars int, grid int, gap_to_pole_ms int, qualifying_ms int,
                qualifying_position int, championship_place int);
            """
        )
        for table, rows in (
            ("dim_drivers", list(enumerate(REFS, start=1))),
            ("dim_races", races),
            ("fct_race_features", entrants),
        ):
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"insert into marts.{table} values ({marks})", rows)
    return path
