"""Training and predicting, from the warehouse to the registry and the ledger."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl

from pitwall.command import PlainError
from pitwall.prediction import features, ledger, tracking, walk_forward
from pitwall.prediction.entrants import AFTER_QUALIFYING, BEFORE_WEEKEND, TARGETS, Race, Warehouse, read_grid
from pitwall.prediction.model import Model

# The models whose backtests the ledger has. Baselines are marts.
MODELS = ("plackett_luce", "lightgbm")


class Trained(NamedTuple):
    """What a training did.

    Args:
        recorded: its run and its version.
        scores: the scores of its backtest.
        bars: the bars of its backtest.
        file: the file of the ledger with the backtest.
    """

    recorded: tracking.Recorded
    scores: pl.DataFrame
    bars: Sequence[tracking.Bar]
    file: Path


class Forecast(NamedTuple):
    """What a model says about a race, at one moment.

    Args:
        table: a row per driver, by the expected order: names, and a probability per target.
        version: the number of the model in the registry.
    """

    race: Race
    known_at: str
    table: pl.DataFrame
    version: str


def now() -> str:
    """The time in UTC, as the ledger has it."""
    return datetime.now(UTC).strftime(ledger.TIME)


def train(data: Path) -> Trained:
    """Test the model season by season, train it on all races, and record both.

    Raises:
        PlainError: there is no warehouse, or it has too little history.
    """
    warehouse = Warehouse(data)
    season, through = warehouse.last_held()
    race = warehouse.next_race(or_last=True)
    rows = features.read(data)
    backtest = walk_forward.run(rows)
    model = Model.fit(rows, season)
    scores, bars = backtest.scores(), backtest.bars()
    seasons = scores["season"].drop_nulls()
    parameters = {
        "model": tracking.RANKING,
        "backtest_seasons": f"{seasons.min()} to {seasons.max()}",
        "trained_through": through,
        **{name: value for name, value in model.to_json().items() if isinstance(value, str | int | float)},
    }
    recorded = tracking.record(
        data,
        model=model,
        entrants=race.before,
        scores=scores,
        bars=bars,
        parameters=parameters,
        trained_through=str(through),
    )
    version = f"{ledger.BACKTEST}{recorded.run_id[:12]}"
    file = ledger.append(data, backtest_rows(warehouse, backtest.predictions, version))
    return Trained(recorded, scores, bars, file)


def backtest_rows(warehouse: Warehouse, predictions: pl.DataFrame, version: str) -> pl.DataFrame:
    """The predictions of a backtest as rows of the ledger. Each season was trained on those before it."""
    races = warehouse.races()
    drivers = warehouse.query("select driver_id, driver_ref from marts.dim_drivers")
    held = races.filter("is_held").group_by("season").agg(pl.col("race_date").max()).sort("season")
    through = held.select(pl.col("season"), trained_through=pl.col("race_date").shift(1)).drop_nulls()
    return (
        predictions.filter(pl.col("model").is_in(MODELS))
        .join(races.select("race_id", "circuit_ref"), on="race_id")
        .join(drivers, on="driver_id")
        .join(through, on="season")
        .with_columns(model_version=pl.lit(version), predicted_at=pl.lit(now()), is_backtest=True)
        .select(*ledger.SCHEMA)
    )


def predict(data: Path, asked: tuple[int, int] | None, grid: Path | None) -> tuple[list[Forecast], Path]:
    """Predict a race with the champion, and write it to the ledger.

    Args:
        asked: season and round of the race; None for the next one.
        grid: a CSV with the starting grid; None for the one of the source, if it has one.

    Returns:
        The forecasts, one per moment that is known, and the new file of the ledger.

    Raises:
        PlainError: why there is no forecast. Then nothing is written.
    """
    warehouse = Warehouse(data)
    race = warehouse.scheduled_race(*asked) if asked else warehouse.next_race()
    fields = {BEFORE_WEEKEND: race.before}
    if grid:
        fields[AFTER_QUALIFYING] = read_grid(grid, race.before)
    elif race.after.height:
        fields[AFTER_QUALIFYING] = race.after
    champion = tracking.champion(data)
    forecasts = [
        Forecast(race, known_at, table_of(champion.model, field), champion.version)
        for known_at, field in fields.items()
    ]
    rows = pl.concat(forecast_rows(each, champion.trained_through) for each in forecasts)
    # The odds of the title belong to the same writing: they are rows of this race before the weekend.
    return forecasts, ledger.append(data, rows)


def table_of(model: Model, field: pl.DataFrame) -> pl.DataFrame:
    """What a model says about the drivers of a field, by the expected order."""
    said = model.probabilities(field)
    if said["driver_id"].to_list() != field["driver_id"].to_list():
        raise PlainError("the model does not answer in the order of its input")
    names = field.select("driver_ref", "driver_name", "constructor_name", "grid")
    return pl.concat([names, said.select(*TARGETS, "expected_order")], how="horizontal").sort(
        "expected_order"
    )


def forecast_rows(forecast: Forecast, trained_through: str) -> pl.DataFrame:
    """A forecast as rows of the ledger."""
    race = forecast.race
    return (
        forecast.table.unpivot(TARGETS, index="driver_ref", variable_name="target", value_name="probability")
        .with_columns(
            season=race.season,
            round=race.round,
            circuit_ref=pl.lit(race.circuit_ref),
            known_at=pl.lit(forecast.known_at),
            model=pl.lit(tracking.RANKING),
            model_version=pl.lit(forecast.version),
            trained_through=pl.lit(trained_through).str.to_date(),
            predicted_at=pl.lit(now()),
            is_backtest=False,
        )
        .select(*ledger.SCHEMA)
    )
