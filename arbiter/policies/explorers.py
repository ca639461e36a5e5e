"""How a bandit spreads probability over candidates, given what it believes of each: the explorers by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from arbiter.policies.gaussian_choice import best_arm_probabilities
from arbiter.policies.protocol import BoolArray, FloatArray

LEAST_SPREAD = 1e-6
"""Standard deviation of a score at least, in quality points."""

Explorer = Callable[[FloatArray, FloatArray, BoolArray, float], FloatArray]
"""Takes (n, K) expected utilities, (n, K) standard errors of these, (n, K) eligibility and one parameter; gives (n, K)
probabilities, 0 where not eligible, each row of sum 1."""


def thompson(scores: FloatArray, spread: FloatArray, eligible: BoolArray, width: float) -> FloatArray:
    """Give each candidate the probability that its score is the greatest (Thompson, 1933), by quadrature.

    ``width`` multiplies the standard errors: 1 samples from the posterior, less explores less.
    """
    return best_arm_probabilities(np.where(eligible, scores, -np.inf), np.maximum(width * spread, LEAST_SPREAD))


def linucb(scores: FloatArray, spread: FloatArray, eligible: BoolArray, width: float) -> FloatArray:
    """Give all to the greatest upper confidence bound, score + width x standard error (Li et al., 2010, algorithm 1).

    Deterministic: its log can be evaluated off-policy only through the mixture and the floor around it.
    """
    return _all_to_best(np.where(eligible, scores + width * spread, -np.inf))


def squarecb(scores: FloatArray, spread: FloatArray, eligible: BoolArray, gamma: float) -> FloatArray:
    """Give p_a = 1 / (K + gamma (s_best - s_a)) to all but the best, and the best the rest.

    Foster and Rakhlin (2020), algorithm 1, with K the eligible candidates. Theory lets gamma grow as the square root
    of the number of decisions; here it is a constant, since estimates come with an offline fit of which it is not known
    how many decisions it is worth.
    """
    masked = np.where(eligible, scores, -np.inf)
    behind = masked.max(axis=1, keepdims=True) - masked  # infinite where not eligible, which gives 0
    share = 1.0 / (eligible.sum(axis=1, keepdims=True) + gamma * behind)
    best = _all_to_best(masked)
    share = np.where(best > 0, 0.0, share)
    return np.asarray(share + best * (1.0 - share.sum(axis=1, keepdims=True)))


def epsilon(scores: FloatArray, spread: FloatArray, eligible: BoolArray, unused: float) -> FloatArray:
    """Give all to the greatest score: epsilon-greedy, whose epsilon is the bandit's cost-aware floor."""
    return _all_to_best(np.where(eligible, scores, -np.inf))


EXPLORERS: Mapping[str, Explorer] = MappingProxyType(
    {"thompson": thompson, "linucb": linucb, "squarecb": squarecb, "epsilon": epsilon}
)


def _all_to_best(scores: FloatArray) -> FloatArray:
    return np.asarray(np.eye(scores.shape[1])[scores.argmax(axis=1)])
