"""Logistic regression of many candidates at once, each borrowing from what all have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from arbiter_training.estimates.data import FEW, candidate_means

FloatArray = NDArray[np.float64]

BIAS_PENALTY = 1.0
"""Ridge penalty on a candidate's own log-odds, a prior of standard deviation 1 around the common ones: some five
outcomes. Without it one bad outcome, or none but good ones, would make a candidate's bias infinite."""

TOLERANCE = 1e-7
"""Relative fall of the loss below which the search ends; at ten times this, held-out loss moved by 0.0001."""

DENSE_SHARE = 0.5
"""A column filled in more than this share of the rows is dense."""


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
    return fit_path(design, targets, weights, (penalty,))[0]


def fit_path(
    design: csr_matrix, targets: FloatArray, weights: FloatArray, penalties: Sequence[Penalty]
) -> list[tuple[FloatArray, FloatArray]]:
    """Fit under several penalties, each fit starting where the one before it ended; see :func:`fit_shared_logistic`.

    Returns
    -------
    fits : coefficients and bias under each penalty, as :func:`fit_shared_logistic` gives them.
    """
    m, k = design.shape[1], targets.shape[1]
    problem = _Problem(design, targets, weights)
    flat = np.zeros(m + m * k + 1 + k)
    flat[m + m * k :] = _first_biases(candidate_means(problem.y, weights, FEW))
    fits: list[tuple[FloatArray, FloatArray]] = []
    for penalty in penalties:
        options = {"maxiter": 150, "maxcor": 10, "ftol": TOLERANCE}
        flat = minimize(partial(problem.loss, penalty), flat, jac=True, method="L-BFGS-B", options=options).x
        shared, own, apart = problem.unpack(flat)
        fits.append(((own + shared[:, None]).T, flat[m + m * k] + apart))
    return fits


class _Problem:
    """The loss and its gradient; columns that most rows fill are multiplied as dense ones, which is faster."""

    def __init__(self, design: csr_matrix, targets: FloatArray, weights: FloatArray) -> None:
        self.m, self.k = design.shape[1], targets.shape[1]
        self.weights = weights
        self.y = np.where(weights > 0, targets, 0.0)
        filled = np.bincount(design.indices, minlength=self.m) > DENSE_SHARE * design.shape[0]
        self._full, self._rare = np.flatnonzero(filled), np.flatnonzero(~filled)
        self._dense = np.ascontiguousarray(design[:, self._full].toarray())
        self._sparse = design[:, self._rare]
        self._transposed = self._sparse.T.tocsr()

    def unpack(self, flat: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Give shared (m,), own (m, K) and the biases' deviations (K,)."""
        end = self.m + self.m * self.k
        return flat[: self.m], flat[self.m : end].reshape(self.m, self.k), flat[end + 1 :]

    def loss(self, penalty: Penalty, flat: FloatArray) -> tuple[float, FloatArray]:
        """Give the penalised cross-entropy and its gradient."""
        shared, own, apart = self.unpack(flat)
        together = own + shared[:, None]
        z = self._dense @ together[self._full] + self._sparse @ together[self._rare]
        z += flat[self.m + self.m * self.k] + apart
        odds = np.exp(-np.abs(z))  # one exponential serves the loss and the sigmoid, and cannot overflow
        value = (self.weights * (np.maximum(z, 0.0) + np.log1p(odds) - self.y * z)).sum()
        value += 0.5 * BIAS_PENALTY * (apart @ apart)
        value += 0.5 * penalty.shared * (shared @ shared) + 0.5 * penalty.own * (own * own).sum()
        error = self.weights * (np.where(z >= 0, 1.0, odds) / (1.0 + odds) - self.y)
        slope, bias = np.empty_like(own), error.sum(axis=0)
        slope[self._full] = self._dense.T @ error
        slope[self._rare] = self._transposed @ error
        weights_part = (slope.sum(axis=1) + penalty.shared * shared, (slope + penalty.own * own).ravel())
        return float(value), np.concatenate([*weights_part, [bias.sum()], bias + BIAS_PENALTY * apart])


def _first_biases(means: FloatArray) -> FloatArray:
    """Give the (1 + K,) common log-odds and each candidate's deviation from it."""
    inside = np.clip(means, 0.01, 0.99)
    logits = np.log(inside / (1.0 - inside))
    return np.concatenate([[logits.mean()], logits - logits.mean()])
