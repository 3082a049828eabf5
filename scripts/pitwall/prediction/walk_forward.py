"""The backtest: each season is predicted by models that have seen only the seasons before it."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from pitwall.command import PlainError
from pitwall.prediction import challenger, model, scores
from pitwall.prediction.challenger import Challenger
from pitwall.prediction.model import Model
from pitwall.prediction.targets import MOMENTS, TARGETS

# Ten seasons to learn from, and a few to try choices on before those of the bars.
FIRST_SEASON = 1996
BASELINE = "baseline"
KEYS = ("season", "round", "race_id", "driver_id", "known_at")
# The order by the baseline's rule: who has no slot or place is last.
ORDER = {
    "before_weekend": pl.col("championship_place").fill_null(99),
    "after_qualifying": pl.col("grid").fill_null(99),
}


class Backtest(NamedTuple):
    """What the models said about the races of some seasons.

    Args:
        predictions: a row per race, driver, moment and target: `season`, `round`, `race_id`, `driver_id`,
            `known_at`, `target`, `outcome` (0 or 1), and the probabilities `plackett_luce`, `lightgbm` and
            `baseline`.
        orders: a row per race, driver and moment: `finishing_order`, the `expected_order` of the model, and
            the `baseline_order` of the grid or of the championship.
    """

    predictions: pl.DataFrame
    orders: pl.DataFrame

    def scores(self) -> pl.DataFrame:
        """The scores of each season and of all seasons; see `scores.table`."""
        models = [name for name in (model.NAME, challenger.NAME) if name in self.predictions.columns]
        return scores.table(self.predictions, models, BASELINE)


def run(
    rows: pl.DataFrame, first: int = FIRST_SEASON, last: int | None = None, *, challenge: bool = True
) -> Backtest:
    """Predict each season from the seasons before it.

    Args:
        rows: what `features.read` returns.
        challenge: whether LightGBM is tested too.

    Raises:
        PlainError: there are too few races to learn from, or no season to predict.
    """
    scored = rows.filter("is_scored", pl.col("season").is_between(first, last or rows["season"].max()))
    seasons = sorted(scored["season"].unique())
    if not seasons:
        raise PlainError(f"no race has results from {first} on, so no season can be predicted")
    predictions, orders = [], []
    for season in seasons:
        models: dict[str, Model | Challenger] = {model.NAME: Model.fit(rows, season)}
        if challenge:
            models[challenger.NAME] = Challenger.fit(rows, season)
        for moment in MOMENTS:
            field = scored.filter(season=season, known_at=moment)
            said = {name: each.probabilities(field, moment) for name, each in models.items()}
            predictions += [of_target(field, target, said) for target in TARGETS]
            order = field.select(*KEYS, "finishing_order", baseline_order=ORDER[moment])
            orders.append(order.with_columns(said[model.NAME]["expected_order"]))
    return Backtest(pl.concat(predictions), pl.concat(orders))


def of_target(field: pl.DataFrame, target: str, said: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The rows of one target, with the probability of each model."""
    return field.select(
        *KEYS, target=pl.lit(target), outcome=pl.col(target), baseline=pl.col(f"baseline_{target}")
    ).with_columns(each[target].alias(name) for name, each in said.items())
