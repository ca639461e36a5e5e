"""What every policy offers."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arbiter.estimates.expectation import Expectation
from arbiter.state import State

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class Policy(Protocol):
    """Gives the probability of each action; the router samples from it, so the propensity is exact.

    A greedy policy is the special case of probability 1. Arrays may carry a leading axis of n requests.
    """

    @property
    def version(self) -> str:
        """Fingerprint of everything that the probabilities depend on, save the arguments."""
        ...

    @property
    def share(self) -> float | None:
        """Part of the traffic that a bandit decides beside the offline choice; None where there is no bandit."""
        ...

    def action_probabilities(self, context: FloatArray, eligible: BoolArray, expectation: Expectation) -> FloatArray:
        """Give the probability of every candidate.

        Parameters
        ----------
        context : (d,) or (n, d), the policy's context vector.
        eligible : (K,) or (n, K), at least one True per row.
        expectation : arrays of shape (K,) or (n, K).

        Returns
        -------
        action_probs : shape of ``eligible``; 0 where not eligible, each row sums to 1.
        """
        ...

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        ...
