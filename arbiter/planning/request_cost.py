"""What one request costs, how much that varies, and how well its mean is known for a period yet to come."""

import math
from dataclasses import dataclass

import numpy as np

from arbiter.estimates.billing import TOKENS_PER_MTOK
from arbiter.ope.distributions import student_t_quantile
from arbiter.planning.history import FloatArray, weighed_mean
from arbiter.planning.money import BAND, BAND_Z
from arbiter.planning.token_count import TokenCount

BLOCKS = 8
"""Consecutive parts of a history between which its mean is seen to move: enough to see a move, each still long."""

PERIOD_DRIFT = 0.09
"""Deviation of the logarithm of the mean cost from a period to the next, beyond what a history shows within itself.
Measured on none of the traffic that the projection is tested on: the root mean square of the log ratio of mean tokens
between the halves of two public traces of an LLM service (Azure, 2023: -.14, -.10, +.01, +.03)."""

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


def measured(costs: FloatArray, drift: float = PERIOD_DRIFT, weights: FloatArray | None = None) -> RequestCost:
    """Give what a history says of a coming period.

    The mean of the coming period differs from the history's by three independent things, added in squares: the error of
    the estimate, as if requests were independent (sd / (mean sqrt(n))); a floor of variation between parts of the
    history that does not average out (:func:`moving`), which history and future both have; and a drift that a single
    history cannot show.

    Parameters
    ----------
    costs : (n,) US dollars, in order of time, at least two.
    drift : deviation of the last.
    weights : (n,) one over the probability that the request is among them; None or empty counts all alike.
    """
    each = np.ones(costs.size) if weights is None or not weights.size else weights
    mean, error = weighed_mean(costs, each)
    if mean <= 0.0:
        return RequestCost(mean_usd=0.0, sd_usd=0.0, log_sd=0.0, known=costs.size)
    spread = float(each @ (costs - mean) ** 2 / each.sum()) * costs.size / (costs.size - 1)
    log_sd = math.sqrt(error / mean**2 + 2.0 * moving(costs) ** 2 + drift**2)
    return RequestCost(mean_usd=mean, sd_usd=math.sqrt(spread), log_sd=log_sd, known=costs.size)


def moving(costs: FloatArray, blocks: int = BLOCKS) -> float:
    """Give how far the mean moves between parts of a history, beyond chance, relative to the mean.

    The component of variance between consecutive blocks of a one-way layout with random effects, by the method of
    moments, max(0, s_between^2 - s^2 / m) for blocks of m (Searle, Casella and McCulloch, 1992, ch. 3). A sorted or
    bursty log has one, a shuffled one has none. Theory and code part twice: the component is taken as a floor that
    longer periods do not average out, as in flicker noise (Allan, 1966), since a history that moved between its eighths
    may move as far between its halves; and it is widened by t over z, for eight blocks tell it poorly.

    Parameters
    ----------
    costs : (n,) in order of time.
    blocks : how many parts; fewer than two requests each give 0.
    """
    if costs.size < 2 * blocks:
        return 0.0
    means = np.array([part.mean() for part in np.array_split(costs, blocks)])
    beyond = float(means.var(ddof=1)) - float(costs.var(ddof=1)) * blocks / costs.size
    widened = student_t_quantile((1.0 + BAND) / 2.0, blocks - 1) / BAND_Z
    return widened * math.sqrt(max(beyond, 0.0)) / float(costs.mean())
