"""The order of a race: a rank-ordered logit (Plackett-Luce) of the cars that are classified.

The winner is drawn with chances in proportion to `exp(strength)`, then the second of the others, and so on.
The same order arises if each car arrives at a random time, exponential with rate `exp(strength)`. A car that
is not classified never arrives. With arrival times, the chance of a place among the first k is a sum over one
variable, without simulation.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from pitwall.prediction.features import Array, Mask

# The logarithms of the times at which arrivals are summed. Before them a car in a million has arrived.
_LOG_TIMES = np.linspace(-15, 21, 181)


def fit(inputs: Array, classified: Mask, order: Array, weights: Array, *, depth: int, ridge: float) -> Array:
    """The coefficients that make the first `depth` places of each race most likely.

    Args:
        inputs: races by cars by inputs.
        classified: races by cars.
        order: the place of each car, in races by cars; lower is better.
        weights: one per race.
        depth: how many places of a race count.
        ridge: penalizes squared coefficients of inputs that are scaled to a deviation of 1.
    """
    scale = np.sqrt((inputs[classified] ** 2).mean(axis=0)) + 1e-9
    by_place = np.argsort(np.where(classified, order, np.inf), axis=1, kind="stable")
    ranked = np.take_along_axis(inputs / scale, by_place[:, :, None], axis=1)
    exists = np.take_along_axis(classified, by_place, axis=1)
    depth = min(depth, ranked.shape[1])

    def loss(coefficients: Array) -> tuple[float, Array]:
        strengths = np.where(exists, ranked @ coefficients, -np.inf)
        strongest = np.where(exists[:, :1], strengths.max(axis=1, keepdims=True), 0)
        chances = np.exp(strengths - strongest)
        # Sums over the cars from a place on: those that were still to be drawn.
        left = np.cumsum(chances[:, ::-1], axis=1)[:, ::-1]
        inputs_left = np.cumsum((chances[:, :, None] * ranked)[:, ::-1], axis=1)[:, ::-1]
        value, slope = 0.0, np.zeros_like(coefficients)
        for place in range(depth):
            on = exists[:, place]
            value -= np.sum(weights[on] * (strengths[on, place] - strongest[on, 0] - np.log(left[on, place])))
            mean = inputs_left[on, place] / left[on, place][:, None]
            slope -= np.sum(weights[on][:, None] * (ranked[on, place] - mean), axis=0)
        return value + ridge / 2 * np.sum(coefficients**2), slope + ridge * coefficients

    found: Array = minimize(loss, np.zeros(inputs.shape[2]), jac=True, method="L-BFGS-B").x
    return found / scale


def chances(strengths: Array, classified: Array, cars: Mask, places: dict[str, Array]) -> dict[str, Array]:
    """The chance of each car to be among the first k; the chances of a race sum to k.

    Args:
        classified: the chance of each car to be classified. If fewer than k are, the others share the rest.
        places: k of each race, by target.
    """
    relative = np.where(
        cars, strengths - np.where(cars, strengths, -np.inf).max(axis=1, keepdims=True), -np.inf
    )
    rates = np.exp(relative)
    rates /= rates.sum(axis=1, keepdims=True)
    most = int(max(k.max() for k in places.values()))
    found = {target: np.zeros(cars.shape) for target in places}
    step = _LOG_TIMES[1] - _LOG_TIMES[0]
    for time in np.exp(_LOG_TIMES):
        arrived = classified * -np.expm1(-rates * time)
        arrives = classified * rates * np.exp(-rates * time) * time * step
        others = _counts_without_each(arrived, most)
        for target, k in places.items():
            last = np.broadcast_to(np.minimum(k, most)[:, None, None].astype(int) - 1, (*cars.shape, 1))
            found[target] += arrives * np.take_along_axis(others, last, axis=2)[:, :, 0]
    return {target: _sum_to(np.minimum(found[target], 1), cars, k) for target, k in places.items()}


def _counts_without_each(arrived: Array, most: int) -> Array:
    """For races by cars: the chance that at most 0, 1, ... `most` - 1 of the other cars have arrived."""
    races, cars = arrived.shape
    before = np.zeros((cars + 1, races, most))
    after = np.zeros((cars + 1, races, most))
    before[0, :, 0] = after[cars, :, 0] = 1
    for car in range(cars):
        before[car + 1] = _one_more(before[car], arrived[:, car])
    for car in reversed(range(cars)):
        after[car] = _one_more(after[car + 1], arrived[:, car])
    cumulative = np.zeros((races, cars, most))
    up_to = np.cumsum(after[1:], axis=2)
    for count in range(most):
        # `count` of those before it, and at most the rest of those after it.
        cumulative[:, :, count:] += (before[:-1, :, count, None] * up_to[:, :, : most - count]).transpose(
            1, 0, 2
        )
    return cumulative


def _one_more(counts: Array, chance: Array) -> Array:
    more = counts * (1 - chance)[:, None]
    more[:, 1:] += counts[:, :-1] * chance[:, None]
    return more


def _sum_to(chances: Array, cars: Mask, k: Array) -> Array:
    k = np.minimum(k, cars.sum(axis=1))[:, None]
    missing = k - chances.sum(axis=1, keepdims=True)
    rest = np.where(cars, 1 - chances, 0)
    share = np.divide(
        missing, rest.sum(axis=1, keepdims=True), out=np.zeros_like(missing), where=rest.any(axis=1)[:, None]
    )
    whole: Array = np.where(cars, chances + share * rest, 0)
    return whole


def expected_order(strengths: Array, classified: Array, cars: Mask) -> Array:
    """The expected finishing order of each car: 1 and the chance of each other car to finish before it."""
    behind = 1 / (1 + np.exp(np.clip(strengths[:, :, None] - strengths[:, None, :], -50, 50)))
    own, other = classified[:, :, None], classified[:, None, :]
    before = other * (own * behind + (1 - own)) + (1 - other) * (1 - own) / 2
    others = cars[:, None, :] & ~np.eye(cars.shape[1], dtype=bool)
    order: Array = 1 + np.sum(np.where(others, before, 0), axis=2)
    return order
