"""The default policy: a bandit on the errors of the offline estimates, in a gated mixture with the offline choice."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter.estimates.expectation import Expectation
from arbiter.policies.explorers import EXPLORERS
from arbiter.policies.fading import Fading
from arbiter.policies.gate import Gate, GateSettings
from arbiter.policies.greedy import GreedyPolicy
from arbiter.policies.lesson import Lesson
from arbiter.policies.newcomers import capped
from arbiter.policies.protocol import BoolArray, FloatArray
from arbiter.policies.residuals import ResidualBelief
from arbiter.state import State

LEAST_COST_SHARE = 1e-3
"""What a candidate costs in the floor at least, against the dearest: a free one would else take the whole floor, and
leave the others propensities near 0, whose inverse is the weight of an outcome in an evaluation."""

AGEING_STEP = 0.98
"""Wall-clock forgetting is applied in steps of at most this factor: each one costs K inversions."""

LEAST_DOUBT = 1e-3
"""What the prior of a changed candidate counts at least, so that its precision stays above 0."""

WIDTHS: Mapping[str, float] = {"thompson": 0.25, "linucb": 0.25, "squarecb": 200.0, "epsilon": 0.0}
"""Default parameter of each explorer: standard errors, or squarecb's gamma."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BanditSettings:
    """How the bandit explores and learns.

    Attributes
    ----------
    explorer : ``thompson``, ``linucb``, ``squarecb`` or ``epsilon``; see :mod:`arbiter.policies.explorers`.
    width : the explorer's parameter; None takes its default in ``WIDTHS``.
    gate : share of the traffic that the bandit decides, and how it moves. The expected loss per request against the
        offline policy, by the offline estimates, is at most the share times the greatest gap in utility.
    floor : part of the bandit's share that is spread over all eligible candidates, cheap ones more; keeps every
        propensity above 0.
    noise_sd : standard deviation of one judgement of the reference source, in quality points; scales the posterior.
    half_life_feedback : number of an arm's feedbacks after which the weight of one has halved; None never forgets.
    half_life_s : seconds after which the weight of every feedback has halved; None lets no time pass.
    intercept_precision, slope_precision : pseudo-observations behind the prior that the offline estimate is right.
    newcomer_share : part of the traffic that newcomers get at most; see :meth:`BanditPolicy.arranged`.
    scored_share : the same of one that comes with as many judged answers as the next says; of fewer, in proportion.
    newcomer_judged : effective number of judgements from which a candidate is no newcomer.
    """

    explorer: str = "thompson"
    width: float | None = None
    gate: GateSettings = field(default_factory=GateSettings)
    floor: float = 0.02
    noise_sd: float = 0.15
    half_life_feedback: float | None = 300.0
    half_life_s: float | None = None
    intercept_precision: float = 10.0
    slope_precision: float = 200.0
    newcomer_share: float = 0.2
    scored_share: float = 0.5
    newcomer_judged: float = 30.0

    def __post_init__(self) -> None:
        if self.explorer not in EXPLORERS:
            raise InvalidInputError(f"unknown explorer {self.explorer!r}; there are {', '.join(EXPLORERS)}")
        for name in ("floor", "newcomer_share", "scored_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidInputError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        for name in ("noise_sd", "intercept_precision", "slope_precision", "half_life_feedback", "half_life_s"):
            value = getattr(self, name)
            if value is not None and not 0.0 < value < math.inf:
                raise InvalidInputError(f"{name} must be a number above 0, got {value}")
        for name in ("width", "newcomer_judged"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value < math.inf:
                raise InvalidInputError(f"{name} must be a number from 0 up, got {value}")

    @property
    def decay(self) -> float:
        """Factor by which an arm's knowledge shrinks at each of its feedbacks."""
        return 1.0 if self.half_life_feedback is None else float(0.5 ** (1.0 / self.half_life_feedback))

    def newcomer_cap(self, scored: int) -> float:
        """Give the part of the traffic that a newcomer with so many judged answers gets at most."""
        known = min(scored / self.newcomer_judged, 1.0) if self.newcomer_judged > 0.0 else 1.0
        return self.newcomer_share + known * max(self.scored_share - self.newcomer_share, 0.0)

    def prior_precision(self, dim: int) -> NDArray[np.float64]:
        """Give the (dim,) precisions of one arm's prior; the context's first entry is the intercept's 1."""
        precision = np.full(dim, self.slope_precision / dim)
        precision[0] = self.intercept_precision
        return precision

    def to_dict(self) -> dict[str, Any]:
        """Give JSON-ready values; an infinite alarm is null."""
        return {**asdict(self), "gate": self.gate.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "BanditSettings":
        """Rebuild from what :meth:`to_dict` gave."""
        return cls(**{**values, "gate": GateSettings.from_dict(values["gate"])})


@dataclass(frozen=True, kw_only=True)
class BanditPolicy:
    """p = (1 - share) greedy + share [(1 - floor) explorer + floor c], c in proportion to 1 / sqrt(cost).

    The explorer sees utilities corrected by what feedback taught of each candidate's error (residual linear bandit:
    Agrawal and Goyal, 2013, with independent arms; sampling K scores has the distribution of sampling K weight
    vectors). Immutable: learning gives another policy.

    Attributes
    ----------
    belief : posterior of the residuals.
    gate : the share.
    settings : how it explores and learns.
    caps : (K,) part of the traffic that each gets at most while it is a newcomer; 1 for who is none, or not any more.
    updated_at : time of the last judgement with a time, in seconds since 1970; None before one.
    marks : ledger's identity to the number of the last feedback of it that has been learned from. A bundle keeps them,
        so that a router that has learned does not learn the same again where it meets the ledger again.
    """

    belief: ResidualBelief
    gate: Gate
    settings: BanditSettings
    caps: FloatArray
    updated_at: float | None = None
    marks: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def fresh(
        cls, n_arms: int, dim: int, settings: BanditSettings | None = None, noise_sd: FloatArray | None = None
    ) -> "BanditPolicy":
        """Start from the offline estimates alone.

        Parameters
        ----------
        n_arms, dim, settings : candidates; length of contexts, whose first entry is 1; None takes the defaults.
        noise_sd : (n_arms,) standard deviation of a judgement of each candidate, in quality points, by which the gate
            measures surprise; None takes the settings' for all.
        """
        chosen = settings or BanditSettings()
        return cls(
            belief=ResidualBelief.prior(np.tile(chosen.prior_precision(dim), (n_arms, 1))),
            gate=Gate.closed(n_arms, chosen.gate, None if noise_sd is None else noise_sd / chosen.noise_sd),
            settings=chosen,
            caps=np.ones(n_arms),
        )

    @property
    def share(self) -> float:
        """Part of the traffic that the bandit decides."""
        return self.gate.share

    @cached_property
    def version(self) -> str:
        """Fingerprint of everything that the probabilities depend on."""
        digest = hashlib.sha256(f"({_told(self.settings)}, {self.share!r})".encode())
        for array in (self.belief.prior_precision, self.belief.moment, self.belief.gram, self.caps):
            digest.update(array.tobytes())
        return "bandit-" + digest.hexdigest()[:12]

    def action_probabilities(self, context: FloatArray, eligible: BoolArray, expectation: Expectation) -> FloatArray:
        """See :meth:`arbiter.policies.protocol.Policy.action_probabilities`."""
        offline = GreedyPolicy().action_probabilities(context, eligible, expectation)
        explored = self._explore(context, eligible & ~np.isnan(expectation.utility), expectation)
        # Where no estimate is a number there is nothing to explore by.
        share = np.where(np.isnan(explored).any(axis=-1, keepdims=True), 0.0, self.share)
        new = (self.caps < 1.0) & (self.belief.counts < self.settings.newcomer_judged)
        return capped((1.0 - share) * offline + share * np.nan_to_num(explored), self.caps, new)

    def _explore(self, context: FloatArray, eligible: BoolArray, expectation: Expectation) -> FloatArray:
        if not eligible.any(axis=-1).all():
            nothing = ~eligible.any(axis=-1, keepdims=True)
            return np.where(nothing, np.nan, self._explore(context, eligible | nothing, expectation))
        mean, sd = self.belief.predict(context)
        width = WIDTHS[self.settings.explorer] if self.settings.width is None else self.settings.width
        scores, spread = np.nan_to_num(expectation.utility) + mean, self.settings.noise_sd * sd
        explore = EXPLORERS[self.settings.explorer]
        explored = explore(np.atleast_2d(scores), np.atleast_2d(spread), np.atleast_2d(eligible), width)
        explored = explored.reshape(eligible.shape)
        return np.asarray((1.0 - self.settings.floor) * explored + self.settings.floor * _thrift(eligible, expectation))

    def learned(self, lesson: Lesson) -> "BanditPolicy":
        """Give the policy after one judged answer, or after the change of one."""
        if lesson.known_weight > 0.0:
            left = self.belief.fading.left(lesson.arm, lesson.known_since)
            weight_change = lesson.weight - lesson.known_weight
            moment_change = lesson.weight * lesson.residual - lesson.known_weight * lesson.known_residual
            belief = self.belief.corrected(lesson.arm, lesson.context, left * weight_change, left * moment_change)
            return replace(self, belief=belief)
        aged = self._aged(lesson.timestamp)
        gate = aged.gate if lesson.evidence is None else aged.gate.after(lesson.evidence)
        surprise = lesson.residual - float(lesson.context @ aged.belief.mean[lesson.arm])
        surprise *= math.sqrt(lesson.weight) / self.settings.noise_sd
        gate, alarm = gate.watched(lesson.arm, surprise)
        belief = self._doubted(aged.belief, lesson.arm) if alarm else aged.belief
        belief = belief.updated(
            lesson.arm, lesson.context, lesson.residual, weight=lesson.weight, decay=self.settings.decay
        )
        caps = aged.caps
        if caps[lesson.arm] < 1.0 and belief.counts[lesson.arm] >= self.settings.newcomer_judged:
            caps = np.where(np.arange(len(caps)) == lesson.arm, 1.0, caps)
        return replace(aged, belief=belief.noted(lesson.arm, lesson.timestamp), gate=gate, caps=caps)

    def _doubted(self, belief: ResidualBelief, arm: int) -> ResidualBelief:
        """Count what was known of a changed candidate less, and the prior that its offline estimate is right."""
        doubt = self.settings.gate.doubt
        return belief.doubted(arm, doubt, max(doubt, LEAST_DOUBT) * self.settings.intercept_precision)

    def marked(self, ledger: str, position: int) -> "BanditPolicy":
        """Give the policy that remembers how far it has learned from a ledger."""
        return replace(self, marks={**self.marks, ledger: position})

    def _aged(self, now: float | None) -> "BanditPolicy":
        """Let time pass; less than a step of it waits for the next judgement."""
        if self.settings.half_life_s is None or now is None:
            return self
        if self.updated_at is None:
            return replace(self, updated_at=now)
        factor = 0.5 ** (max(now - self.updated_at, 0.0) / self.settings.half_life_s)
        return self if factor > AGEING_STEP else replace(self, belief=self.belief.aged(factor), updated_at=now)

    def arranged(self, old: list[int | None], caps: FloatArray, trust: FloatArray) -> "BanditPolicy":
        """Give the policy over another list of candidates.

        Parameters
        ----------
        old : for each candidate, the place of the old one whose knowledge it takes over; None starts it anew.
        caps : (K',) part of the traffic that each gets at most until enough of its answers have been judged.
        trust : (K',) what the knowledge that a candidate takes over counts: 1 for the same model, 0.1 for a new
            version of it.
        """
        prior, mine = self.settings.prior_precision(self.belief.moment.shape[1]), self.belief.prior_precision
        same = [i if sure == 1.0 else None for i, sure in zip(old, trust, strict=True)]
        belief = self.belief.arranged(old, np.stack([prior if i is None else mine[i] for i in same]))
        for arm in np.flatnonzero(trust != 1.0).tolist():
            belief = belief.doubted(arm, float(trust[arm]))
        return replace(self, belief=belief, gate=self.gate.arranged(old), caps=caps)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(
            kind="bandit_policy",
            settings={
                "bandit": self.settings.to_dict(),
                "gate": self.gate.numbers,
                "updated_at": self.updated_at,
                "marks": dict(self.marks),
            },
            arrays={
                "prior_precision": self.belief.prior_precision,
                "gram": self.belief.gram,
                "moment": self.belief.moment,
                "caps": self.caps,
                **self.gate.arrays,
                **self.belief.fading.arrays(),
            },
        )

    @classmethod
    def from_state(cls, state: State) -> "BanditPolicy":
        """Rebuild from a bundle."""
        settings = BanditSettings.from_dict(state.settings["bandit"])
        prior, gram, moment = (state.array(name, np.float64) for name in ("prior_precision", "gram", "moment"))
        return cls(
            belief=ResidualBelief.from_statistics(prior, gram, moment, Fading.from_arrays(state.arrays, len(prior))),
            gate=Gate.closed(len(prior), settings.gate).restored(state.settings["gate"], state.arrays),
            settings=settings,
            caps=state.array("caps", np.float64),
            updated_at=state.settings["updated_at"],
            marks=state.settings.get("marks", {}),
        )


@lru_cache(maxsize=64)
def _told(settings: BanditSettings) -> str:
    """Write settings down once: a policy that learns has as many versions as lessons, and always the same settings."""
    return repr(sorted(settings.to_dict().items()))


def _thrift(eligible: BoolArray, expectation: Expectation) -> FloatArray:
    """Spread 1 over the eligible, in proportion to 1 / sqrt(cost): exploring a dear candidate costs more."""
    dearest = np.where(eligible, expectation.cost_usd, 0.0).max(axis=-1, keepdims=True)
    least = np.maximum(LEAST_COST_SHARE * dearest, 1e-12)
    shares = np.where(eligible, 1.0 / np.sqrt(np.maximum(expectation.cost_usd, least)), 0.0)
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))
