"""What one request costs, how much that varies, and how well its mean is known for a period yet to come."""

import math
from dataclasses import dataclass

import numpy as np

from arbiter.estimates.billing import TOKENS_PER_MTOK
from arbiter.planning.drift import period_log_sd
from arbiter.planning.history import FloatArray, weighed_mean
from arbiter.planning.token_count import TokenCount

LEAST_HISTORY = 30
"""Costs below which a history says less of the mean than the price list does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCost:
    """The cost of one request.

    Attributes
    ----------
    mean_usd, sd_usd : over requests.
    log_sd : deviation of the logarithm of the mean of a coming period: estimation, drift, or an error of what was
        declared.
    known : costs that it was measured on; 0 where it is price times declared tokens.
    """

    mean_usd: float
    sd_usd: float
    log_sd: float
    known: int = 0

    def scaled(self, factor: float) -> "RequestCost":
        """Give the cost at prices that are ``factor`` times as high."""
        return RequestCost(
            mean_usd=self.mean_usd * factor, sd_usd=self.sd_usd * factor, log_sd=self.log_sd, known=self.known
        )


def priced(prices: tuple[float, float], tokens: tuple[TokenCount, TokenCount], error: float) -> RequestCost:
    """Give price times tokens.

    Parameters
    ----------
    prices : US dollars per million tokens, in and out.
    tokens : of the request and of its answer, which are taken as independent.
    error : deviation of the logarithm of a declared mean around the true one.
    """
    parts = [price / TOKENS_PER_MTOK for price in prices]
    mean = sum(price * count.mean for price, count in zip(parts, tokens, strict=True))
    variance = sum((price * count.sd) ** 2 for price, count in zip(parts, tokens, strict=True))
    return RequestCost(mean_usd=mean, sd_usd=math.sqrt(variance), log_sd=error)


def measured(costs: FloatArray, weights: FloatArray | None = None) -> RequestCost:
    """Give what a history says of a coming period.

    The mean of the coming period differs from the history's by the error of the estimate, as if requests were
    independent, and by how far the level moves from period to period (:func:`arbiter.planning.drift.period_log_sd`).

    Parameters
    ----------
    costs : (n,) US dollars, in order of time, at least two.
    weights : (n,) one over the probability that the request is among them; None or empty counts all alike.
    """
    each = np.ones(costs.size) if weights is None or not weights.size else weights
    mean, error = weighed_mean(costs, each)
    if mean <= 0.0:
        return RequestCost(mean_usd=0.0, sd_usd=0.0, log_sd=0.0, known=costs.size)
    spread = float(each @ (costs - mean) ** 2 / each.sum()) * costs.size / (costs.size - 1)
    log_sd = period_log_sd(costs, each, error / mean**2)
    return RequestCost(mean_usd=mean, sd_usd=math.sqrt(spread), log_sd=log_sd, known=costs.size)
