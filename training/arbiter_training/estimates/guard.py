"""The guard: differences between candidates are believed as far as they held out of fold, and no further."""

import numpy as np

from arbiter.estimates.guard import Guard
from arbiter_training.estimates.data import FEW, FloatArray, OutcomeData

CAUTION = 600.0
"""Quality taken off per third power of the error of a candidate's mean, up to ``MOST_ERRORS`` of it: .18 at thirty
outcomes, .07 at a hundred, .002 at a thousand. On training rows of three public logs with one model a request the one
choice made for all requests is then .03 to .16 points worse than the best; with 10 per square, .1 to .6. With 30 per
square it is as good there, and costs .1 points of gain where every outcome is known."""

LIKE_CAUTION = 10.0
"""The most per square of the error, up to one error, where the log tells of the candidate as it tells of the anchor:
outcomes beside the anchor's, or a mean that is known at least ``LIKE_ERROR`` times as well as the anchor's."""

LIKE_ERROR = 0.5

MOST_ERRORS = 2.0
"""Standard errors that the anchor's mean is judged by, and the most that caution takes from another's."""

SLOPE_SD = 0.5
"""Prior standard deviation, around 1, of the slopes by which predictions come true."""

MOST_SLOPE = 1.2

OWN_SHARE = 0.3
"""Share of the variance between candidates' means that no relative tells."""

SPREADS = np.geomspace(0.01, 0.5, 25)
"""Standard deviations between candidates' means that are compared by their likelihood."""


def fit_guard(blend: FloatArray, data: OutcomeData, kin: FloatArray) -> Guard:
    """Fit on out-of-fold predictions.

    Parameters
    ----------
    blend : (n, K) out of fold.
    data : outcomes.
    kin : (K, K) likeness of the candidates.

    Notes
    -----
    Three things. The means of the candidates are drawn to those of their relatives (:func:`means_among_relatives`).
    Each but the anchor is taken at its certainty equivalent, so that a deviation from the best constant choice is
    earned. Theory (Pratt, 1964) takes off a multiple of the error's square, code of its third power: what holds luck
    off at thirty outcomes is then next to nothing at a thousand. The slopes are two for all candidates,
    since of one with thirty outcomes none of its own can be told: least squares of the outcomes on the anchor's
    prediction and on the difference to it, both centred per candidate, with the covariance clustered by request, met
    by a normal prior around 1.
    """
    y, weights = np.nan_to_num(data.quality), data.weights
    mean, error = means_among_relatives(y, weights, kin)
    anchor = int(np.argmax(mean - MOST_ERRORS * error))
    base = np.broadcast_to(blend[:, [anchor]], blend.shape)
    level, slope = _slopes(np.stack([base, blend - base]), y, weights)
    typical = (level * base + slope * (blend - base)).mean(axis=0)
    alike = np.where(LIKE_ERROR * error > error[anchor], _paired(weights, anchor), 1.0)
    caution = _caution(error, alike) * (np.arange(len(mean)) != anchor)
    return Guard(anchor=anchor, level=level, slope=slope, intercept=mean - caution - typical)


def means_among_relatives(y: FloatArray, weights: FloatArray, kin: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give the (K,) mean of each candidate and its standard error, each borrowing from its relatives.

    Parameters
    ----------
    y, weights : (n, K) outcomes; read where the weight is above 0.
    kin : (K, K) likeness.

    Notes
    -----
    Best linear unbiased prediction (Henderson, 1975) of normal effects: observed means have the variance of their
    outcomes over Kish's effective number of them; the effects have covariance t^2 (own I + (1 - own) kin) around a
    common mean, t by greatest marginal likelihood over a grid. Without outcomes a candidate takes what its relatives
    make likely, and the prior's spread.
    """
    total = weights.sum(axis=0)
    number = total**2 / np.maximum((weights**2).sum(axis=0), 1e-12)
    means = (weights * y).sum(axis=0) / np.maximum(total, 1e-12)
    squares = (weights * (y - means) ** 2).sum(axis=0)
    pooled = squares.sum() / max(total.sum(), 1e-12)
    noise = (squares + FEW * pooled) / (total + FEW) / np.maximum(number, 1e-12)
    seen = np.flatnonzero(total > 0)
    shape = OWN_SHARE * np.eye(len(means)) + (1.0 - OWN_SHARE) * kin
    fits = [_predicted(means[seen], noise[seen], spread**2 * shape, seen) for spread in SPREADS]
    _, best, variance = max(fits, key=lambda fit: fit[0])
    return best, np.sqrt(np.maximum(variance, 0.0))


def _caution(error: FloatArray, alike: FloatArray) -> FloatArray:
    """Give the (K,) quality taken off means of these errors; ``alike`` is the share known as the anchor is."""
    most = alike * np.minimum(LIKE_CAUTION * error**2, error) + (1.0 - alike) * MOST_ERRORS * error
    return np.minimum(CAUTION * error**3, most)


def _paired(weights: FloatArray, anchor: int) -> FloatArray:
    """Give the (K,) share of each candidate's outcomes beside which the anchor has one; 1 for a candidate without."""
    total = weights.sum(axis=0)
    beside = weights[weights[:, anchor] > 0].sum(axis=0)
    return np.where(total > 0, beside / np.maximum(total, 1e-12), 1.0)


def _predicted(
    means: FloatArray, noise: FloatArray, prior: FloatArray, seen: np.ndarray
) -> tuple[float, FloatArray, FloatArray]:
    """Give the log-likelihood, and mean and variance of every candidate's effect."""
    covariance = prior[np.ix_(seen, seen)] + np.diag(np.maximum(noise, 1e-9))
    inverse = np.linalg.inv(covariance)
    centre = inverse.sum(axis=0) @ means / inverse.sum()
    off = means - centre
    likelihood = -0.5 * (off @ inverse @ off + np.linalg.slogdet(covariance)[1])
    pull = prior[:, seen] @ inverse
    variance = np.diag(prior) - np.einsum("ij,ji->i", pull, prior[seen])
    return float(likelihood), centre + pull @ off, variance


def _slopes(x: FloatArray, y: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Give the slopes of y on the (2, n, K) predictors, all centred per column, drawn to 1 as their error asks."""
    total = np.maximum(weights.sum(axis=0), 1e-12)
    dx = x - (weights * x).sum(axis=1, keepdims=True) / total
    dy = y - (weights * y).sum(axis=0) / total
    curvature = np.einsum("ink,jnk->ij", weights * dx, dx) + 1e-9 * np.eye(len(x))
    slopes = np.linalg.solve(curvature, np.einsum("ink,nk->i", weights * dx, dy))
    by_request = (weights * dx * (dy - np.tensordot(slopes, dx, axes=1))).sum(axis=2)  # (2, n)
    # precision = curvature (sum of squared scores)^-1 curvature: the inverse of the sandwich (White, 1980)
    precision = curvature @ np.linalg.solve(by_request @ by_request.T + 1e-9 * np.eye(len(x)), curvature)
    prior = np.eye(len(x)) / SLOPE_SD**2
    drawn = np.linalg.solve(precision + prior, precision @ slopes + prior.sum(axis=1))
    level, slope = np.clip(drawn, 0.0, MOST_SLOPE).tolist()
    return level, slope
