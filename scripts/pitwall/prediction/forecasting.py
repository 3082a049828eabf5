"""Training and predicting, from the warehouse to the registry and the ledger."""

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl

from pitwall.prediction import bars, challenger, features, ledger, model, title, tracking, walk_forward
from pitwall.prediction.entrants import Race, next_race, races, read_grid, scheduled_race
from pitwall.prediction.model import Model
from pitwall.prediction.tables import frame, open_warehouse
from pitwall.prediction.targets import AFTER_QUALIFYING, BEFORE_WEEKEND, TARGETS

# The models whose backtests the ledger has. Baselines are marts.
MODELS = (model.NAME, challenger.NAME)


class Trained(NamedTuple):
    """What a training did.

    Args:
        recorded: its run and its version.
        file: the file of the ledger with the backtest.
    """

    recorded: tracking.Recorded
    scores: pl.DataFrame
    file: Path


class Forecast(NamedTuple):
    """What the champion says about a race, at one moment.

    Args:
        table: a row per driver, by the expected order: names, and a probability per target.
    """

    known_at: str
    table: pl.DataFrame


class Predicted(NamedTuple):
    """What a prediction wrote.

    Args:
        version: the number of the model in the registry.
        forecasts: one per moment that is known.
        titles: the drivers who may be champion and their odds, best first; none unless the race is the next.
        file: the new file of the ledger.
    """

    race: Race
    version: str
    forecasts: list[Forecast]
    titles: pl.DataFrame
    file: Path


def now() -> str:
    """The time in UTC, as the ledger has it."""
    return datetime.now(UTC).strftime(ledger.TIME)


def train(data: Path) -> Trained:
    """Test the model season by season, train it on all races, and record both.

    Raises:
        PlainError: there is no warehouse, it has too little history, or what is written to is damaged.
    """
    with open_warehouse(data) as connection:
        race = next_race(connection, or_last=True)
        calendar = races(connection)
        drivers = frame(connection, "select driver_id, driver_ref from marts.dim_drivers")
    # What cannot be written to is reported before the minute of work.
    tracking.check(data)
    ledger.read(data)
    rows = features.read(data)
    backtest = walk_forward.run(rows)
    trained = Model.fit(rows, calendar.filter("is_held")["season"][-1] + 1)
    titles = title.test(data)
    scores = backtest.scores()
    recorded = tracking.record(
        data,
        model=trained,
        entrants=race.before,
        scores=scores,
        bars=[*bars.of_races(backtest), *bars.of_titles(title.scores(titles))],
    )
    version, time = f"{ledger.BACKTEST}{recorded.run_id[:12]}", now()
    said = backtest.predictions.join(drivers, on="driver_id")
    written = [
        backtest_rows(said, calendar, version=version, predicted_at=time),
        title.backtest_rows(data, version=version, predicted_at=time, tested=titles),
    ]
    file = ledger.append(data, pl.concat(written, how="vertical_relaxed"))
    return Trained(recorded, scores, file)


def backtest_rows(
    said: pl.DataFrame, calendar: pl.DataFrame, *, version: str, predicted_at: str
) -> pl.DataFrame:
    """The predictions of a backtest as rows of the ledger. Each season was trained on those before it.

    Args:
        said: the predictions, with the `driver_ref`.
    """
    held = calendar.filter("is_held").group_by("season").agg(pl.col("race_date").max()).sort("season")
    through = held.select("season", trained_through=pl.col("race_date").shift(1))
    return (
        said.unpivot(
            MODELS,
            index=["season", "round", "race_id", "driver_ref", "known_at", "target"],
            variable_name="model",
            value_name="probability",
        )
        .join(calendar.select("race_id", "circuit_ref"), on="race_id")
        .join(through, on="season")
        .with_columns(
            model_version=pl.lit(version), predicted_at=pl.lit(predicted_at), is_backtest=pl.lit(True)
        )
        .select(*ledger.SCHEMA)
    )


def predict(data: Path, asked: tuple[int, int] | None, grid: Path | None) -> Predicted:
    """Predict a race with the champion, and write it to the ledger with the odds of the title.

    Args:
        asked: season and round of the race; None for the next one.
        grid: a CSV with the starting grid; None for the one of the source, if it has one.

    Raises:
        PlainError: why there is no forecast. Then nothing is written.
    """
    with open_warehouse(data) as connection:
        race = scheduled_race(connection, *asked) if asked else next_race(connection)
        names = frame(connection, "select driver_ref, driver_name from marts.dim_drivers")
    fields = {BEFORE_WEEKEND: race.before}
    if grid:
        fields[AFTER_QUALIFYING] = read_grid(grid, race.before)
    elif race.after.height:
        fields[AFTER_QUALIFYING] = race.after
    champion = tracking.champion(data)
    forecasts = [
        Forecast(known_at, table_of(champion.model, field, known_at)) for known_at, field in fields.items()
    ]
    time = now()
    titles = title.forecast_rows(data, race.season, race.round, version=champion.version, predicted_at=time)
    rows = [forecast_rows(race, each, champion, predicted_at=time) for each in forecasts]
    file = ledger.append(data, pl.concat([*rows, titles], how="vertical_relaxed"))
    odds = (
        titles.filter(pl.col("probability") > 0)
        .join(names, on="driver_ref")
        .select("driver_name", "probability")
        .sort("probability", descending=True)
    )
    return Predicted(race, champion.version, forecasts, odds, file)


def table_of(champion: Model, field: pl.DataFrame, known_at: str) -> pl.DataFrame:
    """What a model says about the drivers of a field, by the expected order."""
    said = champion.probabilities(field, known_at)
    names = field.select("driver_ref", "driver_name", "constructor_name", "grid")
    return pl.concat([names, said.select(*TARGETS, "expected_order")], how="horizontal").sort(
        "expected_order"
    )


def forecast_rows(
    race: Race, forecast: Forecast, champion: tracking.Champion, *, predicted_at: str
) -> pl.DataFrame:
    """A forecast as rows of the ledger."""
    return (
        forecast.table.unpivot(TARGETS, index="driver_ref", variable_name="target", value_name="probability")
        .with_columns(
            season=race.season,
            round=race.round,
            circuit_ref=pl.lit(race.circuit_ref),
            known_at=pl.lit(forecast.known_at),
            model=pl.lit(model.NAME),
            model_version=pl.lit(champion.version),
            trained_through=champion.model.trained_through,
            predicted_at=pl.lit(predicted_at),
            is_backtest=pl.lit(False),
        )
        .select(*ledger.SCHEMA)
    )
