"""Residual linear Thompson sampling inside a mixture with the offline policy: the default policy."""

import hashlib
import math
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.estimates.expectation import Expectation
from arbiter.policies.gaussian_choice import best_arm_probabilities
from arbiter.policies.greedy import GreedyPolicy
from arbiter.policies.protocol import BoolArray, FloatArray
from arbiter.policies.residuals import ResidualBelief
from arbiter.state import State

LEAST_COST_SHARE = 1e-3
"""What a candidate costs in the floor at least, against the dearest: a free one would else take the whole floor, and
leave the others propensities near 0, whose inverse is the weight of an outcome in an evaluation."""

LEAST_SPREAD = 1e-6
"""Standard deviation of a score at least, in quality points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThompsonSettings:
    """How the bandit explores and learns.

    Attributes
    ----------
    share : part of the traffic that the bandit decides, the rest being the offline policy's; in [0, 1], where 0
        explores nothing. The expected loss per request against the offline policy is at most ``share`` times the
        greatest gap in utility.
    floor : part of the bandit's share that is spread over all eligible candidates, cheap ones more; keeps every
        propensity above 0.
    noise_sd : standard deviation of one judgement, in quality points; scales the posterior.
    half_life_feedback : number of an arm's feedbacks after which the weight of one has halved; None never forgets.
    intercept_precision, slope_precision : pseudo-observations behind the prior that the offline estimate is right.
    """

    share: float = 0.1
    floor: float = 0.02
    noise_sd: float = 0.15
    half_life_feedback: float | None = None
    intercept_precision: float = 20.0
    slope_precision: float = 200.0

    def __post_init__(self) -> None:
        for name, value in (("share", self.share), ("floor", self.floor)):
            if not 0.0 <= value <= 1.0:
                raise InvalidInputError(f"{name} must lie in [0, 1], got {value}")
        for name in ("noise_sd", "intercept_precision", "slope_precision", "half_life_feedback"):
            value = getattr(self, name)
            if value is not None and not 0.0 < value < math.inf:
                raise InvalidInputError(f"{name} must be a number above 0, got {value}")

    @property
    def decay(self) -> float:
        """Factor by which an arm's knowledge shrinks at each of its feedbacks."""
        return 1.0 if self.half_life_feedback is None else float(0.5 ** (1.0 / self.half_life_feedback))


class ThompsonPolicy:
    """p = (1 - share) greedy + share [(1 - floor) p_TS + floor c], c in proportion to 1 / sqrt(cost).

    p_TS is the probability that a candidate's utility is the greatest under the posterior of its residual (Agrawal
    and Goyal, 2013, with independent arms; sampling K scores has the distribution of sampling K weight vectors).

    Parameters
    ----------
    belief : posterior of the residuals.
    settings : how it explores and learns.
    """

    def __init__(self, belief: ResidualBelief, settings: ThompsonSettings | None = None) -> None:
        self.belief = belief
        self.settings = settings or ThompsonSettings()
        self._greedy = GreedyPolicy()

    @classmethod
    def fresh(cls, n_arms: int, dim: int, settings: ThompsonSettings | None = None) -> "ThompsonPolicy":
        """Start from the offline estimates alone, for contexts of length ``dim`` whose first entry is 1."""
        chosen = settings or ThompsonSettings()
        precision = np.full(dim, chosen.slope_precision / dim)
        precision[0] = chosen.intercept_precision
        return cls(ResidualBelief.prior(n_arms, precision), chosen)

    @cached_property
    def version(self) -> str:
        """Fingerprint of the belief and the settings."""
        digest = hashlib.sha256(repr(sorted(asdict(self.settings).items())).encode())
        for array in (self.belief.prior_precision, self.belief.moment, self.belief.gram):
            digest.update(array.tobytes())
        return "thompson-" + digest.hexdigest()[:12]

    def action_probabilities(self, context: FloatArray, eligible: BoolArray, expectation: Expectation) -> FloatArray:
        """See :meth:`arbiter.policies.protocol.Policy.action_probabilities`."""
        offline = self._greedy.action_probabilities(context, eligible, expectation)
        explored = self._explore(context, eligible, expectation)
        return np.asarray((1.0 - self.settings.share) * offline + self.settings.share * explored)

    def _explore(self, context: FloatArray, eligible: BoolArray, expectation: Expectation) -> FloatArray:
        mean, sd = self.belief.predict(context)
        scores = expectation.utility + mean
        spread = self.settings.noise_sd * sd
        dearest = np.where(eligible, expectation.cost_usd, 0.0).max(axis=-1, keepdims=True)
        least = np.maximum(LEAST_COST_SHARE * dearest, 1e-12)
        thrift = np.where(eligible, 1.0 / np.sqrt(np.maximum(expectation.cost_usd, least)), 0.0)
        floor = thrift / thrift.sum(axis=-1, keepdims=True)
        best = best_arm_probabilities(np.where(eligible, scores, -np.inf), np.maximum(spread, LEAST_SPREAD))
        return np.asarray((1.0 - self.settings.floor) * best + self.settings.floor * floor)

    def learned(self, arm: int, context: FloatArray, residual: float) -> "ThompsonPolicy":
        """Give the policy after one judged answer; see :meth:`ResidualBelief.updated`."""
        return ThompsonPolicy(self.belief.updated(arm, context, residual, self.settings.decay), self.settings)

    def corrected(self, arm: int, context: FloatArray, change: float) -> "ThompsonPolicy":
        """Give the policy after a judgement that it learned has moved; see :meth:`ResidualBelief.corrected`."""
        return ThompsonPolicy(self.belief.corrected(arm, context, change), self.settings)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(
            kind="thompson_policy",
            settings=asdict(self.settings),
            arrays={
                "prior_precision": self.belief.prior_precision,
                "gram": self.belief.gram,
                "moment": self.belief.moment,
            },
        )

    @classmethod
    def from_state(cls, state: State) -> "ThompsonPolicy":
        """Rebuild from a bundle."""
        sums = [state.array(name, np.float64) for name in ("prior_precision", "gram", "moment")]
        return cls(ResidualBelief.from_statistics(*sums), ThompsonSettings(**state.settings))
