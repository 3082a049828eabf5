"""Scores of probabilities, and intervals from races that are drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import polars as pl
from scipy.stats import rankdata

from pitwall.prediction.features import Array

# In a log loss a probability counts as at least this; the marts have it as the variable `probability_clip`.
CLIP = 1e-6
BINS = 10  # of equal width; in the marts `calibration_bins`
# Enough draws to resolve a share of one in a thousand.
RESAMPLES = 10_000
INTERVAL = (0.025, 0.975)
SEED = 1


def log_losses(chances: Array, outcomes: Array) -> Array:
    """Of each forecast: minus the logarithm of the probability that was given to what happened."""
    clipped = np.clip(chances, CLIP, 1 - CLIP)
    losses: Array = -np.log(np.where(outcomes == 1, clipped, 1 - clipped))
    return losses


def calibration_error(chances: Array, outcomes: Array, bins: int = BINS) -> float:
    """The mean distance between probability and rate over the bins, weighted by their forecasts."""
    bin_of = np.minimum((chances * bins).astype(int), bins - 1)
    differences = np.bincount(bin_of, chances - outcomes, bins)
    return float(np.abs(differences).sum() / len(chances))


def resampled_calibration_errors(chances: Array, outcomes: Array, races: Array, bins: int = BINS) -> Array:
    """The calibration errors over many draws of races. Chance adds to them, so most are above the error."""
    sums, counts = _by_race_and_bin(chances, outcomes, races, bins)
    drawn = draws(len(sums))
    errors: Array = np.abs(drawn @ sums).sum(axis=1) / (drawn @ counts.sum(axis=1))
    return errors


def resampled_worst_bins(chances: Array, outcomes: Array, races: Array, bins: int) -> Array:
    """The largest distances between the probability and the rate of a bin, over many draws of races."""
    sums, counts = _by_race_and_bin(chances, outcomes, races, bins)
    drawn = draws(len(sums))
    worst: Array = (np.abs(drawn @ sums) / np.maximum(drawn @ counts, 1)).max(axis=1)
    return worst


def _by_race_and_bin(chances: Array, outcomes: Array, races: Array, bins: int) -> tuple[Array, Array]:
    """Races by bins: the sums of probability minus outcome, and the numbers of forecasts."""
    _, race = np.unique(races, return_inverse=True)
    cell = race * bins + np.minimum((chances * bins).astype(int), bins - 1)
    size = (race.max() + 1) * bins
    sums, counts = np.bincount(cell, chances - outcomes, size), np.bincount(cell, minlength=size)
    return sums.reshape(-1, bins), counts.reshape(-1, bins).astype(float)


def area_under_curve(chances: Array, outcomes: Array) -> float:
    """The chance that one to whom it happened had a higher probability than one to whom it did not."""
    happened = outcomes == 1
    count = int(happened.sum())
    ranks = rankdata(chances)[happened].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (len(chances) - count)))


def resampled_areas(chances: Array, outcomes: Array, races: Array) -> Array:
    """The areas under the curve over many draws of races. No two probabilities are taken to be equal."""
    order = np.argsort(chances)
    happened = outcomes[order] == 1
    _, race = np.unique(races, return_inverse=True)
    areas = []
    for drawn in np.array_split(draws(race.max() + 1), 20):  # all at once they need a gigabyte
        weights = drawn[:, race[order]]
        below = np.cumsum(np.where(happened, 0, weights), axis=1)
        pairs = weights[:, happened].sum(axis=1) * below[:, -1]
        areas.append((weights * below)[:, happened].sum(axis=1) / pairs)
    found: Array = np.concatenate(areas)
    return found


def rank_correlation(expected: Array, found: Array) -> float:
    """Spearman's rank correlation of two orders; NaN if one has no order."""
    ranks = np.column_stack([rankdata(expected), rankdata(found)])
    ranks -= ranks.mean(axis=0)
    size = np.sqrt((ranks**2).sum(axis=0)).prod()
    return float(ranks.prod(axis=1).sum() / size) if size else float("nan")


@cache
def draws(races: int) -> Array:
    """Draws by races: how often each race is drawn, if as many are drawn with replacement."""
    counts: Array = np.random.default_rng(SEED).multinomial(races, np.full(races, 1 / races), RESAMPLES)
    return counts.astype(float)


def resampled_means(sums: Array, counts: Array) -> Array:
    """The means over many draws of races. Each race has a sum and a count."""
    drawn = draws(len(sums))
    means: Array = (drawn @ sums) / (drawn @ counts)
    return means


def interval(means: Array) -> tuple[float, float]:
    """The range of the middle 95 % of resampled means."""
    low, high = map(float, np.quantile(means, INTERVAL))
    return low, high


def table(predictions: pl.DataFrame, models: Sequence[str], baseline: str) -> pl.DataFrame:
    """The scores of each season, and of all of them (`season` is NULL), by moment, target and model.

    Args:
        predictions: of a backtest; a column per model, and one of the baseline.

    Returns:
        `season`, `known_at`, `target`, `model`, `races`, `forecasts`, and `log_loss`, `brier` and
        `calibration_error`, each also as `baseline_…`.
    """
    rows: list[dict[str, object]] = []
    parts = {None: predictions} | {key: part for (key,), part in predictions.group_by("season")}
    for season, part in parts.items():
        for (known_at, target), chosen in part.group_by("known_at", "target", maintain_order=True):
            outcomes = chosen["outcome"].to_numpy()
            counts = {"races": chosen["race_id"].n_unique(), "forecasts": chosen.height}
            compared = {f"baseline_{name}": value for name, value in of(chosen[baseline], outcomes).items()}
            rows += [
                {"season": season, "known_at": known_at, "target": target, "model": model}
                | counts
                | of(chosen[model], outcomes)
                | compared
                for model in models
            ]
    return pl.DataFrame(rows, infer_schema_length=None).sort("season", maintain_order=True)


def of(probabilities: pl.Series, outcomes: Array) -> dict[str, float]:
    """The scores of some forecasts."""
    chances = probabilities.to_numpy()
    return {
        "log_loss": float(log_losses(chances, outcomes).mean()),
        "brier": float(((chances - outcomes) ** 2).mean()),
        "calibration_error": calibration_error(chances, outcomes),
    }
