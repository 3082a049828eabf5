"""Scores of probabilities, and intervals from races that are drawn at random."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from pitwall.prediction.features import Array

# In a log loss a probability counts as at least this; the marts have it as the variable `probability_clip`.
CLIP = 1e-6
BINS = 10  # of equal width; in the marts `calibration_bins`
# Enough draws to tell a share of one in a thousand.
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


def area_under_curve(chances: Array, outcomes: Array) -> float:
    """The chance that one to whom it happened had a higher probability than one to whom it did not."""
    happened = outcomes == 1
    count = int(happened.sum())
    ranks = rankdata(chances)[happened].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (len(chances) - count)))


def rank_correlation(expected: Array, found: Array) -> float:
    """Spearman's rank correlation of two orders; NaN if one has no order."""
    ranks = np.column_stack([rankdata(expected), rankdata(found)])
    ranks -= ranks.mean(axis=0)
    size = np.sqrt((ranks**2).sum(axis=0)).prod()
    return float(ranks.prod(axis=1).sum() / size) if size else float("nan")


def resampled_means(sums: Array, counts: Array) -> Array:
    """The means over many draws of as many races, with replacement. Each race has a sum and a count."""
    draws = np.random.default_rng(SEED).integers(len(sums), size=(RESAMPLES, len(sums)))
    means: Array = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    return means


def interval(means: Array) -> tuple[float, float]:
    """The range of the middle 95 % of resampled means."""
    low, high = map(float, np.quantile(means, INTERVAL))
    return low, high
