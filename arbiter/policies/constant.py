"""Policies that do not look at the request: the baselines that every router must beat."""

import hashlib

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.estimates.expectation import Expectation
from arbiter.policies.greedy import GreedyPolicy
from arbiter.policies.protocol import BoolArray, FloatArray
from arbiter.state import State


class ConstantPolicy:
    """Fixed shares of traffic, whatever the request: one model, or a mixture of models.

    Shares of candidates that are not eligible go to the others in proportion; when none of those with a share is
    eligible, the greatest utility decides.

    Parameters
    ----------
    shares : (K,), at least 0, with a positive sum; scaled to sum 1.

    Raises
    ------
    InvalidInputError
        If the shares are not such numbers.
    """

    def __init__(self, shares: FloatArray) -> None:
        given = np.asarray(shares, dtype=np.float64)
        if not (given.ndim == 1 and np.isfinite(given).all() and (given >= 0).all() and given.sum() > 0):
            raise InvalidInputError(f"shares must be numbers from 0 up, one per candidate, not all 0; got {shares}")
        total = float(given.sum())
        # Shares that a bundle gives back are scaled already: scaling them again would change their last bits.
        self.shares = given if abs(total - 1.0) < 1e-12 else given / total

    @classmethod
    def single(cls, action: int, n_actions: int) -> "ConstantPolicy":
        """Give all traffic to one candidate."""
        return cls(np.eye(n_actions)[action])

    @classmethod
    def uniform(cls, n_actions: int) -> "ConstantPolicy":
        """Give every candidate the same share."""
        return cls(np.ones(n_actions))

    @property
    def version(self) -> str:
        """Fingerprint of the shares."""
        return "constant-" + hashlib.sha256(self.shares.tobytes()).hexdigest()[:12]

    @property
    def share(self) -> None:
        """There is no bandit."""
        return None

    def action_probabilities(self, context: FloatArray, eligible: BoolArray, expectation: Expectation) -> FloatArray:
        """See :meth:`arbiter.policies.protocol.Policy.action_probabilities`."""
        masked = np.where(eligible, self.shares, 0.0)
        total = masked.sum(axis=-1, keepdims=True)
        if np.all(total > 0):
            return np.asarray(masked / total)
        greedy = GreedyPolicy().action_probabilities(context, eligible, expectation)
        return np.where(total > 0, masked / np.where(total > 0, total, 1.0), greedy)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="constant_policy", arrays={"shares": self.shares})

    @classmethod
    def from_state(cls, state: State) -> "ConstantPolicy":
        """Rebuild from a bundle."""
        return cls(state.array("shares", np.float64))
