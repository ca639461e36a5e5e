"""Doubly robust scores per request and action: any policy's value is their mean under its probabilities."""

import numpy as np
from numpy.typing import ArrayLike

from arbiter.ope.arrays import FloatArray, as_table
from arbiter.ope.logged import LoggedFeedback
from arbiter.ope.sums import feedback_counts


def doubly_robust_scores(log: LoggedFeedback, outcome: str, q_hat: ArrayLike) -> FloatArray:
    """Return scores whose mean under a policy's probabilities is the DR estimate of its value.

    Curves and scores of many policies then are functions of column means, and `bootstrap_means` gives each
    an interval.

    Parameters
    ----------
    log : LoggedFeedback
        The log.
    outcome : str
        Outcome column.
    q_hat : array-like, shape (n, K)
        Predictions by models that did not see the row.

    Returns
    -------
    ndarray, shape (n, K)
        score(x, a) = q_hat(x, a) + 1{a was scored} (r - q_hat(x, a)) / p(a | x) (Dudik, Langford and Li 2011,
        eq. 2); the outcome itself where every action was scored. Outcomes that are unknown on scored actions are
        taken as missing at random given the action.

    Raises
    ------
    InvalidInputError
        If the shape does not fit the log.
    """
    model = as_table(q_hat, log.n, log.n_actions, f"q_hat of {outcome}").astype(np.float64)
    happened, cell = log.matrix(outcome), (np.repeat(np.arange(log.n), np.diff(log.row_start)), log.action)
    inclusion = np.ones_like(happened)
    inclusion[cell] = log.inclusion
    logged, answered = feedback_counts(log, outcome)
    seen = ~np.isnan(happened)
    rate = answered / np.maximum(logged, 1.0)
    weight = np.where(seen, 1.0 / (inclusion * np.maximum(rate, 1e-12)), 0.0)
    return np.asarray(model + weight * np.where(seen, happened - model, 0.0))
