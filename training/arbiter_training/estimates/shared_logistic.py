"""Logistic regression of many candidates at once, each borrowing from what all have in common."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from arbiter_training.estimates.data import FEW, candidate_means

FloatArray = NDArray[np.float64]

BIAS_PENALTY = 1.0
"""Ridge penalty on a candidate's own log-odds, a prior of standard deviation 1 around the common ones: some five
outcomes. Without it one bad outcome, or none but good ones, would make a candidate's bias infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """Ridge penalties.

    Attributes
    ----------
    shared : on the weights that all candidates have in common.
    own : on each candidate's deviation from them; the greater, the more a candidate with few outcomes borrows.
    """

    shared: float
    own: float


def fit_shared_logistic(
    design: csr_matrix, targets: FloatArray, weights: FloatArray, penalty: Penalty
) -> tuple[FloatArray, FloatArray]:
    """Fit P(good | x, candidate) = sigmoid(x . (shared + own_candidate) + bias_candidate).

    Parameters
    ----------
    design : (n, m) sparse matrix.
    targets : (n, K) in [0, 1]; graded outcomes count as fractions. Ignored where the weight is 0.
    weights : (n, K), at least 0. A candidate with no weight takes the common slope and the mean of all outcomes.
    penalty : on shared and own weights; what the biases have in common is free.

    Returns
    -------
    coefficients : (K, m), shared plus own.
    bias : (K,).

    Notes
    -----
    Minimises the weighted cross-entropy by L-BFGS (Liu and Nocedal, 1989). The hierarchy is that of Evgeniou and
    Pontil (2004), equation 4: a common vector and a deviation per task, each with its own ridge penalty. Theory and
    code part at the biases: they have a common part, which is free, and a deviation per candidate, held by
    ``BIAS_PENALTY``.
    """
    m, k = design.shape[1], targets.shape[1]
    y = np.where(weights > 0, targets, 0.0)
    transposed = design.T.tocsr()

    def unpack(flat: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        return flat[:m], flat[m : m + m * k].reshape(m, k), flat[m + m * k + 1 :]

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        shared, own, apart = unpack(flat)
        z = design @ (own + shared[:, None]) + flat[m + m * k] + apart
        value = (weights * (np.logaddexp(0.0, z) - y * z)).sum() + 0.5 * BIAS_PENALTY * (apart @ apart)
        value += 0.5 * penalty.shared * (shared @ shared) + 0.5 * penalty.own * (own * own).sum()
        error = weights * (1.0 / (1.0 + np.exp(-np.clip(z, -30.0, 30.0))) - y)
        slope, bias = transposed @ error, error.sum(axis=0)
        weights_part = (slope.sum(axis=1) + penalty.shared * shared, (slope + penalty.own * own).ravel())
        return float(value), np.concatenate([*weights_part, [bias.sum()], bias + BIAS_PENALTY * apart])

    start = np.zeros(m + m * k + 1 + k)
    start[m + m * k :] = _first_biases(candidate_means(y, weights, FEW))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 150, "maxcor": 10})
    shared, own, apart = unpack(found.x)
    return (own + shared[:, None]).T, found.x[m + m * k] + apart


def _first_biases(means: FloatArray) -> FloatArray:
    """Give the (1 + K,) common log-odds and each candidate's deviation from it."""
    inside = np.clip(means, 0.01, 0.99)
    logits = np.log(inside / (1.0 - inside))
    return np.concatenate([[logits.mean()], logits - logits.mean()])
