"""Logged probabilities over time: whether they went on being right, and how the logging policy moved."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import FloatArray, require_length
from arbiter.ope.distributions import normal_quantile
from arbiter.ope.logged import LoggedFeedback


@dataclass(frozen=True, slots=True, kw_only=True)
class PropensityDrift:
    """A log of one action per request, period by period.

    Parameters
    ----------
    start : ndarray, shape (T,)
        First time of each period, in the unit that was given.
    count : ndarray, shape (T,)
        Requests.
    mean_propensity, min_propensity : ndarray, shape (T,)
        Of the chosen action.
    action_share : ndarray, shape (T, K)
        Share of requests per action.
    mean_weight : ndarray, shape (T, K)
        mean 1{a_i = a} / p_i, which is 1 in expectation in every period where the logged
        probabilities are right and the action had a chance.
    z : ndarray, shape (T, K)
        Distance of that from 1 in standard errors; 0 where the action was never taken.
    limit : float
        How far the largest of these may be by chance, at 1 %, by Bonferroni's inequality.
    """

    start: FloatArray
    count: FloatArray
    mean_propensity: FloatArray
    min_propensity: FloatArray
    action_share: FloatArray
    mean_weight: FloatArray
    z: FloatArray
    limit: float

    @property
    def suspect_periods(self) -> tuple[int, ...]:
        """Periods whose logged probabilities do not fit what was chosen."""
        return tuple(int(t) for t in np.flatnonzero(np.abs(self.z).max(axis=1) > self.limit))

    @property
    def movement(self) -> FloatArray:
        """Total variation distance between the action shares of successive periods, shape (T - 1,)."""
        return np.asarray(0.5 * np.abs(np.diff(self.action_share, axis=0)).sum(axis=1))


def propensity_drift(log: LoggedFeedback, time: ArrayLike, periods: int = 10) -> PropensityDrift:
    """Follow a log's propensities over time.

    A propensity that went stale (the policy changed, its logging did not) keeps the mean weight of the
    whole log near 1 if the errors cancel; period by period they do not.

    Parameters
    ----------
    log : LoggedFeedback
        One action per request.
    time : array-like, shape (n,)
        Anything that sorts in the order of logging.
    periods : int
        Runs of equally many requests, at least 1.

    Returns
    -------
    PropensityDrift
        One row per period.

    Raises
    ------
    InvalidInputError
        If a request has not one action, a length differs, or `periods` is not in [1, n].
    """
    if log.cells_per_row != 1:
        raise InvalidInputError("drift of propensities needs a log with one action per request")
    if not 1 <= periods <= log.n:
        raise InvalidInputError(f"periods is {periods} with {log.n} requests: expected 1 to that number")
    moments = np.asarray(time)
    require_length(moments, log.n, "time")
    order = np.argsort(moments, kind="stable")
    period = np.empty(log.n, dtype=np.int64)
    period[order] = np.arange(log.n) * periods // log.n
    count = np.bincount(period).astype(np.float64)
    cell, shape = period * log.n_actions + log.action, (periods, log.n_actions)
    inverse = 1.0 / log.inclusion
    share, mean, square = (
        np.bincount(cell, weights=w, minlength=periods * log.n_actions).reshape(shape) / count[:, None]
        for w in (np.ones(log.n), inverse, inverse**2)
    )
    stderr = np.sqrt(np.maximum(square - mean**2, 0.0) / count[:, None])
    first = np.searchsorted(period[order], np.arange(periods))
    return PropensityDrift(
        start=moments[order][first],
        count=count,
        mean_propensity=np.bincount(period, weights=log.inclusion) / count,
        min_propensity=np.minimum.reduceat(log.inclusion[order], first),
        action_share=share,
        mean_weight=mean,
        z=np.divide(mean - 1.0, stderr, out=np.zeros(shape), where=stderr > 0.0),
        limit=normal_quantile(1.0 - 0.005 / (periods * log.n_actions)),
    )
