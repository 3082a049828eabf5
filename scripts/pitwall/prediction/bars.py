"""The bars that a backtest must meet, over the seasons 2014 to 2025. They are older than the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from pitwall.command import PlainError
from pitwall.prediction import challenger, model, scores
from pitwall.prediction.features import Array
from pitwall.prediction.walk_forward import BASELINE, Backtest

FIRST_SEASON, LAST_SEASON = 2014, 2025
HALVES = ((2014, 2020), (2021, 2025))


# Bars have so many decimals, and values are rounded to them before they are compared. A bar at 0 asks for a
# sign, so there they are not.
DECIMALS = 3


class Target(NamedTuple):
    """What is asked of the probabilities of a target.

    Args:
        log_loss: at most.
        better_by: at least so much below the log loss of the baseline.
        chance: that the difference is only chance; below this.
        calibration_error: at most.
    """

    known_at: str
    target: str
    log_loss: float
    better_by: float
    chance: float
    calibration_error: float


TARGETS = (
    Target("after_qualifying", "podium", 0.209, 0.018, 0.001, 0.014),
    Target("after_qualifying", "win", 0.101, 0.009, 0.01, 0.008),
    Target("after_qualifying", "points", 0.475, 0.035, 0.001, 0.025),
    Target("before_weekend", "podium", 0.243, 0.014, 0.001, 0.020),
    Target("before_weekend", "win", 0.118, 0.007, 0.01, 0.010),
    Target("before_weekend", "points", 0.512, 0.018, 0.01, 0.035),
    # Who retires is nearly unpredictable: no more is asked than to be as good as the mean of three years.
    Target("after_qualifying", "classified", 0.421, 0, 1, 0.018),
)
WINNER_LOSS = 1.29
RANK_CORRELATION = {"after_qualifying": 0.65, "before_weekend": 0.60}
RANK_CORRELATION_BETTER_BY = 0.03
# A score that is too good: something of the result is among the inputs.
TOO_GOOD_LOG_LOSS = 0.195
TOO_GOOD_AREA = 0.955
# Of the titles: the log loss at a part of the season, the difference from the baseline, the worst bin.
TITLE_LOG_LOSS = {0.25: 0.56, 0.5: 0.50, 0.75: 0.48}
TITLE_BETTER_BY = 0.10
TITLE_WORST_BIN = 0.15


class Bar(NamedTuple):
    """A bar, and what was measured.

    Args:
        interval: the middle 95 % of the values over races, or seasons, that are drawn at random.
        is_least: whether the limit is the least value, not the largest.
    """

    name: str
    value: float
    interval: tuple[float, float] | None
    limit: float
    is_least: bool
    passed: bool


def of_races(backtest: Backtest) -> list[Bar]:
    """The bars of race predictions. Raises PlainError if a season of the bars was not predicted."""
    seasons = pl.col("season").is_between(FIRST_SEASON, LAST_SEASON)
    predictions, orders = (frame.filter(seasons) for frame in backtest)
    missing = sorted(set(range(FIRST_SEASON, LAST_SEASON + 1)) - set(predictions["season"].unique()))
    if missing:
        raise PlainError(
            f"the bars are of the seasons {FIRST_SEASON} to {LAST_SEASON}, and "
            f"{', '.join(map(str, missing))} cannot be predicted; build from the real files"
        )
    chosen = {
        key: predictions.filter(known_at=key[0], target=key[1])
        for key in ((each.known_at, each.target) for each in TARGETS)
    }
    podium = chosen["after_qualifying", "podium"]
    return [
        *(bar for each in TARGETS for bar in of_target(each, chosen[each.known_at, each.target])),
        of_winners(chosen["after_qualifying", "win"]),
        *of_orders(orders),
        *of_halves(predictions),
        *canaries(podium),
        *of_challenger(podium),
    ]


def at_most(name: str, value: float, interval: tuple[float, float] | None, limit: float) -> Bar:
    """A bar with a largest value."""
    return Bar(name, value, interval, limit, False, rounded(value, limit) <= limit)


def at_least(
    name: str, value: float, interval: tuple[float, float] | None, limit: float, *, and_: bool = True
) -> Bar:
    """A bar with a least value, and a further condition."""
    return Bar(name, value, interval, limit, True, rounded(value, limit) >= limit and and_)


def rounded(value: float, limit: float) -> float:
    """A value with the decimals of its bar."""
    return round(value, DECIMALS) if limit else value


def words(known_at: str) -> str:
    """A moment in words."""
    return known_at.replace("_weekend", " the weekend").replace("_", " ")


def of_target(asked: Target, predictions: pl.DataFrame) -> Iterator[Bar]:
    """The bars of one target at one moment."""
    name = f"{asked.target} {words(asked.known_at)}"
    loss, interval, _ = mean_by_race(predictions, losses(predictions, model.NAME))
    yield at_most(f"{name}: log loss", loss, interval, asked.log_loss)
    better, interval, chance = mean_by_race(predictions, gain(predictions, model.NAME))
    doubt = f", by chance < {asked.chance}" if asked.chance < 1 else ""
    is_sure = asked.chance == 1 or chance < asked.chance
    yield at_least(f"{name}: better by{doubt}", better, interval, asked.better_by, and_=is_sure)
    chances, outcomes = (predictions[column].to_numpy() for column in (model.NAME, "outcome"))
    error = scores.calibration_error(chances, outcomes)
    errors = scores.resampled_calibration_errors(chances, outcomes, predictions["race_id"].to_numpy())
    yield at_most(f"{name}: calibration error", error, scores.interval(errors), asked.calibration_error)


def losses(predictions: pl.DataFrame, name: str) -> Array:
    """The log loss of each forecast of a model."""
    return scores.log_losses(predictions[name].to_numpy(), predictions["outcome"].to_numpy())


def gain(predictions: pl.DataFrame, name: str, other: str = BASELINE) -> Array:
    """How much lower the log loss of each forecast is than that of another model."""
    difference: Array = losses(predictions, other) - losses(predictions, name)
    return difference


def mean_by_race(predictions: pl.DataFrame, values: Array) -> tuple[float, tuple[float, float], float]:
    """The mean of a value per forecast, its interval, and the share of resampled means that are 0 or less."""
    races = (
        predictions.select("race_id", value=pl.Series(values))
        .group_by("race_id")
        .agg(sum=pl.col("value").sum(), count=pl.len())
        .sort("race_id")
    )
    means = scores.resampled_means(races["sum"].to_numpy(), races["count"].to_numpy())
    return float(values.mean()), scores.interval(means), float(np.mean(means <= 0))


def of_winners(predictions: pl.DataFrame) -> Bar:
    """The log loss of the winners alone."""
    won = predictions.filter(outcome=1)
    loss, interval, _ = mean_by_race(won, losses(won, model.NAME))
    return at_most("win after qualifying: log loss of the winner", loss, interval, WINNER_LOSS)


def of_orders(orders: pl.DataFrame) -> Iterator[Bar]:
    """The bars of the finishing order: the mean of the races' rank correlations."""
    for known_at, limit in RANK_CORRELATION.items():
        races = [
            race for _, race in orders.filter(known_at=known_at).group_by("race_id", maintain_order=True)
        ]
        ours, theirs = (
            np.array([correlation(race, column) for race in races])
            for column in ("expected_order", "baseline_order")
        )
        ones = np.ones(len(races))
        name = f"finishing order {words(known_at)}: rank correlation"
        yield at_least(name, float(ours.mean()), scores.interval(scores.resampled_means(ours, ones)), limit)
        if known_at == "after_qualifying":
            means = scores.resampled_means(ours - theirs, ones)
            yield at_least(
                f"{name}, better by",
                float((ours - theirs).mean()),
                scores.interval(means),
                RANK_CORRELATION_BETTER_BY,
            )


def correlation(race: pl.DataFrame, column: str) -> float:
    """The rank correlation of an order with the finishing order."""
    return scores.rank_correlation(race[column].to_numpy(), race["finishing_order"].to_numpy())


def of_halves(predictions: pl.DataFrame) -> Iterator[Bar]:
    """The model is better than its baseline in both halves."""
    for first, last in HALVES:
        half = predictions.filter(pl.col("season").is_between(first, last))
        for target in ("podium", "points"):
            for known_at in RANK_CORRELATION:
                chosen = half.filter(known_at=known_at, target=target)
                better, interval, _ = mean_by_race(chosen, gain(chosen, model.NAME))
                yield at_least(
                    f"{target} {words(known_at)}, {first} to {last}: better by", better, interval, 0
                )


def canaries(podium: pl.DataFrame) -> Iterator[Bar]:
    """The model is not better than a model can be that does not know the result."""
    loss, interval, _ = mean_by_race(podium, losses(podium, model.NAME))
    name = "podium after qualifying: too good"
    yield at_least(f"{name}, log loss", loss, interval, TOO_GOOD_LOG_LOSS)
    chances, outcomes, races = (podium[column].to_numpy() for column in (model.NAME, "outcome", "race_id"))
    area = scores.area_under_curve(chances, outcomes)
    areas = scores.interval(scores.resampled_areas(chances, outcomes, races))
    yield at_most(f"{name}, area under the curve", area, areas, TOO_GOOD_AREA)


def of_challenger(podium: pl.DataFrame) -> Iterator[Bar]:
    """LightGBM is not surely better. If it were, it and not the model would have to be the champion."""
    if challenger.NAME in podium.columns:
        _, (low, _), _ = mean_by_race(podium, gain(podium, challenger.NAME, model.NAME))
        yield at_most("podium after qualifying: LightGBM surely better by", low, None, 0)


def of_titles(found: pl.DataFrame) -> list[Bar]:
    """The bars of the title odds, from `title.scores`."""
    *moments, over_all = found.to_dicts()
    interval = (over_all["better_by_low"], over_all["better_by_high"])
    worst = (over_all["worst_bin_low"], over_all["worst_bin_high"])
    return [
        *(
            at_most(
                f"title at {row['moment']:.0%} of a season: log loss",
                row["log_loss"],
                (row["log_loss_low"], row["log_loss_high"]),
                TITLE_LOG_LOSS[row["moment"]],
            )
            for row in moments
        ),
        at_least("title: better by", over_all["better_by"], interval, TITLE_BETTER_BY, and_=interval[0] > 0),
        at_most("title: distance of the worst bin", over_all["worst_bin"], worst, TITLE_WORST_BIN),
    ]


def text(bars: list[Bar]) -> str:
    """The bars as a table, with their intervals."""
    rows = [("", "found", "95 % interval", "bar", "")]
    for bar in bars:
        interval = f"{bar.interval[0]:.4f} to {bar.interval[1]:.4f}" if bar.interval else ""
        limit = f"{'>=' if bar.is_least else '<='} {bar.limit:.3f}"
        rows.append((bar.name, f"{bar.value:.4f}", interval, limit, "met" if bar.passed else "NOT MET"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in (0, 4) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
