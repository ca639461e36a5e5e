"""The policy that takes the greatest utility."""

import numpy as np

from arbiter.estimates.expectation import Expectation
from arbiter.policies.protocol import BoolArray, FloatArray
from arbiter.state import State

_DEAREST = 1e300


class GreedyPolicy:
    """All probability on the eligible candidate of greatest expected utility; on a tie, on the cheaper one.

    Its own log cannot evaluate other policies (every propensity is 1): serve it inside a mixture that explores.
    """

    @property
    def version(self) -> str:
        """The policy has no parameters."""
        return "greedy-1"

    @property
    def share(self) -> None:
        """There is no bandit."""
        return None

    def action_probabilities(self, context: FloatArray, eligible: BoolArray, expectation: Expectation) -> FloatArray:
        """See :meth:`arbiter.policies.protocol.Policy.action_probabilities`."""
        # An estimate that is not a number loses, and never lets a candidate through that is not eligible.
        utility = np.where(eligible & ~np.isnan(expectation.utility), expectation.utility, -np.inf)
        best = eligible & (utility >= utility.max(axis=-1, keepdims=True))
        choice = np.where(best, np.fmin(expectation.cost_usd, _DEAREST), np.inf).argmin(axis=-1)
        return np.asarray(np.eye(eligible.shape[-1])[choice])

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="greedy_policy")

    @classmethod
    def from_state(cls, state: State) -> "GreedyPolicy":
        """Rebuild from a bundle."""
        return cls()
