"""A small championship for the commands of the predictions, and a backtest whose outcome a test can choose.

The features differ only in the place in the championship and the slot on the grid.
"""

import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

import pitwall.prediction  # noqa: F401 (it says what MLflow logs, before MLflow is imported)

# MLflow calls what other libraries have deprecated; Python shows users none of it.
OF_LIBRARIES = ("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
SEASONS, ROUNDS = range(2020, 2024), 9
DRIVERS = ("Ada Lovelace", "Emmy Noether", "Sofja Kowalewskaja", "Niels Abel", "Évariste Galois", "Carl Gauß")
REFS = ("lovelace", "noether", "kowalewskaja", "abel", "galois", "gauss")
TITLES = (0.75, 0.2499, 0.0001, 0.0, 0.0, 0.0)


class StandInTest:
    """What the next backtest finds. A test sets it."""

    def __init__(self) -> None:
        from pitwall.prediction.bars import Bar

        self.log_loss = 0.2
        self.bars = [Bar("podium log loss", 0.2, (0.19, 0.21), 0.209, is_least=False, passed=True)]

    def break_bar(self) -> str:
        """Let a bar not be met. Returns how that is reported."""
        from pitwall.prediction.bars import Bar

        self.bars = [Bar("win log loss", 0.12, None, 0.101, is_least=False, passed=False), *self.bars]
        return "win log loss is 0.1200, and the bar is at most 0.101"

    def run(self, rows: pl.DataFrame) -> "object":
        """Stands for `walk_forward.run`: the last two seasons, in which each forecast has the same loss."""
        from pitwall.prediction.walk_forward import KEYS, Backtest

        targets = pl.DataFrame({"target": ["win", "podium"]})
        held = rows.filter(pl.col("season") >= SEASONS[2]).select(*KEYS, outcome="win")
        losses = {"plackett_luce": self.log_loss, "lightgbm": self.log_loss + 0.01, "baseline": 0.25}
        happened = pl.col("outcome") == 1
        predictions = held.join(targets, how="cross").with_columns(
            pl.when(happened).then(pl.lit(-loss).exp()).otherwise(1 - pl.lit(-loss).exp()).alias(name)
            for name, loss in losses.items()
        )
        return Backtest(predictions, pl.DataFrame())


def titles(data: Path, season: int, round_: int, *, version: str, predicted_at: str) -> pl.DataFrame:
    """Stands for `title.forecast_rows`: odds before the next race, and no rows before another."""
    from pitwall.prediction import ledger

    rows = [
        (season, round_, "ring", ref, "before_weekend", "title", odds, "title_simulation")
        for ref, odds in zip(REFS, TITLES, strict=True)
        if is_next(data, season, round_)
    ]
    schema = ledger.SCHEMA | {"probability": pl.Float64()}
    return pl.DataFrame(rows, dict(list(schema.items())[:8]), orient="row").with_columns(
        model_version=pl.lit(version),
        trained_through=date(2023, 1, 1),
        predicted_at=pl.lit(predicted_at),
        is_backtest=pl.lit(version.startswith("backtest-")),
    )


def is_next(data: Path, season: int, round_: int) -> bool:
    """Whether it is the first race without results."""
    with duckdb.connect(data / "warehouse.duckdb", read_only=True) as connection:
        sql = "select season, round from marts.dim_races where not is_held order by all limit 1"
        return connection.execute(sql).fetchall() == [(season, round_)]


def backtest_titles(
    data: Path, *, version: str, predicted_at: str, tested: pl.DataFrame | None
) -> pl.DataFrame:
    """Stands for `title.backtest_rows`."""
    return titles(data, SEASONS[-1], ROUNDS - 1, version=version, predicted_at=predicted_at)


def install(monkeypatch: pytest.MonkeyPatch) -> StandInTest:
    """Put the stand-ins in the place of the real ones. Returns the one that a test can set."""
    found = StandInTest()
    monkeypatch.setattr("pitwall.prediction.walk_forward.run", found.run)
    monkeypatch.setattr("pitwall.prediction.bars.of_races", lambda _: list(found.bars))
    monkeypatch.setattr("pitwall.prediction.bars.of_titles", lambda _: [])
    monkeypatch.setattr("pitwall.prediction.title.test", lambda _: None)
    monkeypatch.setattr("pitwall.prediction.title.scores", lambda _: None)
    monkeypatch.setattr("pitwall.prediction.title.forecast_rows", titles)
    monkeypatch.setattr("pitwall.prediction.title.backtest_rows", backtest_titles)
    return found


def write_warehouse(
    data: Path, *, scheduled: int = 2, has_qualifying: bool = False, seasons: Sequence[int] = SEASONS
) -> Path:
    """Write a warehouse of four short seasons; the last races of the last one are only scheduled."""
    from pitwall.prediction import features
    from pitwall.prediction.targets import MOMENTS, TARGETS

    races, entrants, results = [], [], []
    for season in seasons:
        for number in range(1, ROUNDS + 1):
            name, day = f"{number}. Grand Prix", date(season, 3, 1) + timedelta(days=14 * number)
            is_held = season < seasons[-1] or number <= ROUNDS - scheduled
            race = {"race_id": 10 * season + number, "season": season, "round": number}
            race |= {"race_name": name, "race_date": day, "is_held": is_held}
            races.append(race | {"circuit_id": 1, "race_starts_at": None})
            is_late = is_held or (has_qualifying and number == ROUNDS - scheduled + 1)
            for index, driver in enumerate(DRIVERS):
                # In every other race the drivers of a team swap their slots.
                slot = 1 + (index ^ 1 if number % 2 else index)
                of_driver = race | {
                    "driver_id": index + 1,
                    "driver_name": driver,
                    "constructor_name": f"Team {index // 2}",
                    "field_cars": len(DRIVERS),
                    "points_places": 3,
                    "championship_place": index + 1,
                }
                entrants.append(of_driver | {"known_at": "before_weekend", "grid": None})
                if is_late:
                    entrants.append(of_driver | {"known_at": "after_qualifying", "grid": slot})
                if is_held:
                    # One race in three ends in another order than that of the grid, and in one a car fails.
                    place = index + 1 if number % 3 == 0 else slot
                    is_classified = number % 5 > 0 or place < len(DRIVERS)
                    results.append(
                        {
                            "race_id": race["race_id"],
                            "driver_id": index + 1,
                            "position_order": place,
                            "finishing_position": place if is_classified else None,
                            "is_classified": is_classified,
                            "is_started": True,
                            "grid_position": slot,
                        }
                    )
    inputs = [*(features.pace(MOMENTS[1]) | features.reliability(MOMENTS[1])).values()]
    inputs += [*features.pace(MOMENTS[0]).values(), *features.reliability(MOMENTS[0]).values()]
    counts = sorted({name for each in inputs for name in each.meta.root_names()} - set(entrants[0]))
    baselines = pl.DataFrame({"target": TARGETS, "probability": 0.25})
    features_table = pl.DataFrame(entrants, infer_schema_length=None).with_columns(
        (pl.lit(None, pl.Int32) if name in ("gap_to_pole_ms", "pole_ms") else pl.lit(0)).alias(name)
        for name in (*counts, "qualifying_position")
    )
    tables = {
        "dim_circuits": pl.DataFrame({"circuit_id": [1], "circuit_ref": ["ring"]}),
        "dim_drivers": pl.DataFrame(
            {"driver_id": range(1, len(REFS) + 1), "driver_ref": REFS, "driver_name": DRIVERS}
        ),
        "dim_races": pl.DataFrame(races, schema_overrides={"race_starts_at": pl.Datetime}),
        "fct_race_results": pl.DataFrame(results, infer_schema_length=None),
        "fct_race_features": features_table,
        "fct_baseline_predictions": features_table.filter("is_held")
        .select("race_id", "driver_id", "known_at")
        .join(baselines, how="cross"),
    }
    data.mkdir(parents=True, exist_ok=True)
    path = data / "warehouse.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(path) as connection, tempfile.TemporaryDirectory() as folder:
        connection.execute("create schema marts")
        for name, table in tables.items():
            file = Path(folder) / f"{name}.parquet"
            table.write_parquet(file)
            connection.execute(f"create table marts.{name} as from read_parquet('{file}')")
    return path
