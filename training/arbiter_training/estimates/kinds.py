"""Finding the kinds of requests: what the log calls them, or else what their texts and outcomes have in common."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from arbiter.estimates.kinds import softmax
from arbiter_training.estimates.data import FEW, FloatArray, IntArray, candidate_means

INSIDE = 0.01
"""A kind's quality stays so far from 0 and 1: no outcome is impossible."""

LEAST_DISPERSION = 0.05
"""Outcomes are taken to vary at least this share of what right-or-wrong answers of the same mean would."""

CENTRING_ROUNDS = 25
NEWTON_STEPS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class KindOptions:
    """How kinds are found.

    Attributes
    ----------
    kinds : how many are sought where the log names none; fewer where there are less than ten requests to a kind.
    components : of the design matrix that the gate sees. On the training rows of LLMRouter 128 did as well as 400.
    penalty : ridge penalty on the gate's weights.
    rounds : of expectation and maximisation.
    steps : of the gate's search in a round.
    rows : most requests learned from.
    """

    kinds: int = 24
    components: int = 128
    penalty: float = 1.0
    rounds: int = 6
    steps: int = 15
    rows: int = 6_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedKinds:
    """Kinds on reduced coordinates.

    Attributes
    ----------
    weights, bias : (r, Z), (Z,) of the gate.
    quality : (Z, K).
    """

    weights: FloatArray
    bias: FloatArray
    quality: FloatArray

    def predict(self, x: FloatArray) -> FloatArray:
        """Give the (n, K) expected quality of requests at (n, r) coordinates."""
        return softmax(x @ self.weights + self.bias) @ self.quality


def fit_kinds(
    x: FloatArray, targets: FloatArray, weights: FloatArray, named: IntArray, options: KindOptions
) -> FittedKinds:
    """Fit a gate and a table of qualities.

    Parameters
    ----------
    x : (n, r) coordinates of the requests.
    targets : (n, K) outcomes, read only where the weight is above 0.
    weights : (n, K), at least 0; an outcome that was not seen says nothing of the kind.
    named : (n,) number of the kind that the log names, -1 where it names none.
    options : how.

    Notes
    -----
    Expectation and maximisation (Dempster, Laird and Rubin, 1977; for gates that look at the request Jordan and
    Jacobs, 1994) from cells of k-means, or from a gate fitted on the named requests where there are such. Theory and
    code part where outcomes are graded: their log-likelihood is that of right-or-wrong answers over the dispersion, a
    quasi-likelihood (Wedderburn, 1974). Kinds that the log names are certain, and where it names all, one round is all
    there is. A cell of the table is drawn to what its kind's difficulty makes of its candidate's mean, by ``FEW``
    outcomes.
    """
    y = np.where(weights > 0, targets, 0.0)
    means = np.clip(candidate_means(y, weights, FEW), INSIDE, 1.0 - INSIDE)
    dispersion = np.clip(candidate_means((y - means) ** 2, weights, FEW) / (means * (1.0 - means)), LEAST_DISPERSION, 1)
    known = (named >= 0)[:, None]
    certain, gate = _first(x, named, options)
    member = np.where(known, certain, softmax(x @ gate[:-1] + gate[-1])) if known.any() else certain
    rounds = 1 if known.all() else options.rounds
    for remaining in reversed(range(rounds)):
        gate = _gate(x, member, gate, options.penalty, options.steps if remaining else 3 * options.steps)
        quality = _table(y, weights, member, means)
        if remaining:
            likely = (weights * y / dispersion) @ np.log(quality).T
            likely += (weights * (1.0 - y) / dispersion) @ np.log(1.0 - quality).T
            # The prior and the likelihood meet as logarithms: softmax does not mind the gate's missing normaliser.
            member = np.where(known, certain, softmax(x @ gate[:-1] + gate[-1] + likely))
    return FittedKinds(weights=gate[:-1], bias=gate[-1], quality=quality)


def _first(x: FloatArray, named: IntArray, options: KindOptions) -> tuple[FloatArray, FloatArray]:
    """Give (n, Z) memberships and a gate to begin with: of the named requests, or else of the cells of k-means."""
    known = named >= 0
    n_kinds = int(named.max()) + 1 if known.any() else min(options.kinds, 1 + len(x) // 10)
    member = np.eye(n_kinds)[np.maximum(named, 0) if known.any() else _cells(x, n_kinds)]
    gate = np.zeros((x.shape[1] + 1, n_kinds))
    if known.any() and not known.all():
        gate = _gate(x[known], member[known], gate, options.penalty, options.steps)
    return member, gate


def _table(y: FloatArray, weights: FloatArray, member: FloatArray, means: FloatArray) -> FloatArray:
    """Give the (Z, K) quality of kinds, from (n, Z) memberships."""
    count, total = member.T @ weights, member.T @ (weights * y)
    skill = np.log(means / (1.0 - means))
    ease = np.zeros(len(count))
    for _ in range(NEWTON_STEPS):  # log-odds that a kind adds for all candidates alike, under a standard normal prior
        p = 1.0 / (1.0 + np.exp(-(skill + ease[:, None])))
        ease += ((total - count * p).sum(axis=1) - ease) / ((count * p * (1.0 - p)).sum(axis=1) + 1.0)
    prior = 1.0 / (1.0 + np.exp(-(skill + ease[:, None])))
    return np.asarray(np.clip((total + FEW * prior) / (count + FEW), INSIDE, 1.0 - INSIDE))


def _gate(x: FloatArray, member: FloatArray, start: FloatArray, penalty: float, steps: int) -> FloatArray:
    """Fit softmax regression to soft memberships; (r + 1, Z), the last row the bias."""

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        gate = flat.reshape(start.shape)
        scores = x @ gate[:-1] + gate[-1]
        p = softmax(scores)
        value = -(member * np.log(np.maximum(p, 1e-300))).sum() + 0.5 * penalty * (gate[:-1] ** 2).sum()
        error = p - member
        slope = np.concatenate([x.T @ error + penalty * gate[:-1], error.sum(axis=0, keepdims=True)])
        return float(value), slope.ravel()

    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return np.asarray(found.x).reshape(start.shape)


def _cells(x: FloatArray, n_cells: int) -> NDArray[np.int64]:
    """Divide rows by k-means on the sphere, from rows that are spread over the order of the first coordinate."""
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
    centres = unit[np.argsort(unit[:, 0], kind="stable")[np.linspace(0, len(x) - 1, n_cells).astype(int)]]
    for _ in range(CENTRING_ROUNDS):
        cell = (unit @ centres.T).argmax(axis=1)
        moved = np.eye(n_cells)[cell].T @ unit
        length = np.linalg.norm(moved, axis=1, keepdims=True)
        centres = np.where(length > 0, moved / np.maximum(length, 1e-12), centres)
    return np.asarray((unit @ centres.T).argmax(axis=1))
