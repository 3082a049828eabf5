"""Whether a car is classified: a logistic regression with a ridge penalty."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from pitwall.prediction.features import Array


class Logistic(NamedTuple):
    """Coefficients of the inputs as they come."""

    intercept: float
    coefficients: Array

    def chances(self, inputs: Array) -> Array:
        found: Array = expit(self.intercept + inputs @ self.coefficients)
        return found


def fit(inputs: Array, outcomes: Array, weights: Array, *, ridge: float) -> Logistic:
    """The likeliest coefficients.

    `ridge` penalizes squared coefficients, but the intercept; inputs are scaled to a deviation of 1.
    """
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-9
    scaled = np.column_stack([np.ones(len(inputs)), (inputs - mean) / scale])
    penalty = np.full(scaled.shape[1], ridge)
    penalty[0] = 0

    def loss(coefficients: Array) -> tuple[float, Array]:
        logits = scaled @ coefficients
        value: float = np.sum(weights * (np.logaddexp(0, logits) - outcomes * logits))
        slope = scaled.T @ (weights * (expit(logits) - outcomes))
        return value + np.sum(penalty * coefficients**2) / 2, slope + penalty * coefficients

    found = minimize(loss, np.zeros(scaled.shape[1]), jac=True, method="L-BFGS-B").x
    coefficients = found[1:] / scale
    return Logistic(float(found[0] - mean @ coefficients), coefficients)
