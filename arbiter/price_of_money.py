"""What a dollar must be worth, so that requests cost no more than a budget allows."""

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

DEAREST_USD = 1e9
"""A dollar worth this many quality points buys nothing any more."""


def price_of_money(wanted: FloatArray, cost_usd: FloatArray, target_usd: float) -> float:
    """Give the least worth of a dollar at which these requests cost no more than the target on average.

    Parameters
    ----------
    wanted : (n, K) quality points without the price of money; minus infinity where a candidate may not answer.
    cost_usd : (n, K).
    target_usd : mean cost of a request.

    Returns
    -------
    quality_per_usd : 0 where money need not be counted; at most 1e9, where the target is below the cheapest choices.

    Notes
    -----
    The mean cost of the choices argmax(wanted - worth x cost) never rises with the worth, so that bisection (of the
    logarithm) finds the place.
    """

    def mean_cost(worth: float) -> float:
        choice = (wanted - worth * cost_usd).argmax(axis=1)
        return float(cost_usd[np.arange(len(cost_usd)), choice].mean())

    if mean_cost(0.0) <= target_usd:
        return 0.0
    low, high = 1e-3, DEAREST_USD
    if mean_cost(high) > target_usd:
        return high
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if mean_cost(middle) > target_usd else (low, middle)
    return high
