"""How far the mean cost of a coming period may lie from that of a history: by its own moves, and those of others."""

import math

import numpy as np

from arbiter.planning.history import FloatArray
from arbiter.planning.money import BAND, BAND_Z

BLOCKS = 8
"""Consecutive parts of a history between which its mean is seen to move; a power of two."""

PERIOD_DRIFT, DRIFTS_SEEN = 0.09, 4
"""Deviation of the logarithm of the mean cost from a period to the next, and how many moves it was measured on. None is
of the traffic that the projection is tested on: the root mean square of the log ratio of mean tokens between the halves
of two public traces of an LLM service (Azure, 2023: -.14, -.10, +.01, +.03)."""

_DRIFTS = np.exp(np.linspace(math.log(0.001), math.log(2.0), 100))
"""Deviations over which the posterior is summed; the prior and every likelihood are smooth on this grid."""


def period_log_sd(costs: FloatArray, weights: FloatArray, error: float) -> float:
    """Give the deviation of the logarithm of a coming period's mean around a history's.

    The level of the cost is taken for a random walk (the local level model: Harvey, 1989, ch. 4.1). Then the difference
    between the means of two neighbouring spans is normal around 0, with a variance that grows as their length: that of
    the coming period against the history, as long as it, is V, and that of two neighbouring parts of w eighths V w / 8
    and their sampling errors. The seven such differences of one, two and four eighths (Haar's contrasts) say what V is,
    beside the four moves of other services, which are its prior: scaled inverse chi-squared, four degrees of freedom
    (Gelman et al., 2013, ch. 2.6). What is predicted is the mixture of N(0, V + error) over the posterior of V, whose
    tails are as heavy as few differences make them; given is the deviation of the normal with the same 80 % band.

    Theory and code part in three: the contrasts are taken as independent, which those of a random walk are not quite;
    the level of the forecast is the history's mean rather than its end, since an unordered log has no end; and a period
    is taken to be as long as the history, for a log need not tell how long it is.

    Parameters
    ----------
    costs : (n,) in order of time, at least two, of a mean above 0.
    weights : (n,) above 0, as in :func:`arbiter.planning.history.weighed_mean`.
    error : variance of the estimated mean, relative to its square.
    """
    posterior = _posterior(costs, weights, error)
    return _quantile(posterior, np.sqrt(_DRIFTS**2 + error)) / BAND_Z


def _posterior(costs: FloatArray, weights: FloatArray, error: float) -> FloatArray:
    """Give the probabilities of the deviations of the grid; fewer than two costs per block leave the prior."""
    log = -DRIFTS_SEEN * (np.log(_DRIFTS) + (PERIOD_DRIFT / _DRIFTS) ** 2 / 2.0)
    if costs.size >= 2 * BLOCKS:
        moved, noise, length = _contrasts(costs, weights, error)
        variance = _DRIFTS[:, None] ** 2 * length + noise
        log = log - (np.log(variance) + moved**2 / variance).sum(axis=1) / 2.0
    found = np.exp(log - log.max())
    return np.asarray(found / found.sum())


def _contrasts(costs: FloatArray, weights: FloatArray, error: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give seven differences between neighbouring parts, relative to the mean, their sampling variances and lengths.

    The sampling variance of a part is that of the whole, over its share of the weights; lengths are shares of the
    history.
    """
    edges = [part[0] for part in np.array_split(np.arange(costs.size), BLOCKS)]
    spent, seen = np.add.reduceat(weights * costs, edges), np.add.reduceat(weights, edges)
    mean, whole = spent.sum() / seen.sum(), seen.sum()
    rows = []
    for width in (1, 2, 4):
        usd, number = spent.reshape(-1, 2, width).sum(axis=2), seen.reshape(-1, 2, width).sum(axis=2)
        level = usd / number / mean
        noise = error * whole * (1.0 / number).sum(axis=1)
        rows += [(b - a, e, width / BLOCKS) for (a, b), e in zip(level, noise, strict=True)]
    moved, noise, length = np.array(rows).T
    return moved, noise, length


def _quantile(probabilities: FloatArray, deviations: FloatArray) -> float:
    """Give the upper end of the 80 % band of a mixture of normals around 0, by bisection."""
    low, high = 0.0, 10.0 * float(deviations.max())
    wanted = (1.0 + BAND) / 2.0
    rows = list(zip(probabilities.tolist(), (deviations * math.sqrt(2.0)).tolist(), strict=True))
    for _ in range(40):
        middle = (low + high) / 2.0
        below = sum(p * (1.0 + math.erf(middle / sd)) / 2.0 for p, sd in rows)
        low, high = (middle, high) if below < wanted else (low, middle)
    return high
