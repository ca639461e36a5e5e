"""How much of the traffic a bandit may decide: a share that moves with the evidence for and against it."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter.policies.lesson import Evidence

FloatArray = NDArray[np.float64]

STEP = 1.05
"""Factor by which the share grows or shrinks at one judgement."""

SURE = 2.0
"""Standard errors by which the bandit must seem better for the share to grow. The comparison is looked at after every
judgement: where both policies are equal, one standard error lets the share pass a half in three of five runs of 900
judgements, two in one of twenty (noise 0.13, different choices on two of five requests)."""

LEAST_JUDGED = 20.0
"""Effective judgements before the comparison moves the share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A cumulative sum that looks for changes of one size.

    Attributes
    ----------
    allowance : taken off at each judgement, in standard deviations: half the change that is found soonest.
    height : at which it raises an alarm, as a multiple of ``GateSettings.alarm``.
    winsor : a single judgement counts as this many standard deviations at most, so that few outliers raise no alarm.
    """

    allowance: float
    height: float
    winsor: float


SLOW = Watch(allowance=0.25, height=1.0, winsor=3.0)
"""Finds half a standard deviation soonest."""

QUICK = Watch(allowance=1.0, height=0.3, winsor=2.0)
"""Finds two: five judgements in a row of which each lies so far off. What a failure that comes at random, one time in
ten, cannot do: with a bound of 3 a sum as quick would raise an alarm at three such failures."""

LEAST_SPREAD = 0.5
"""What a candidate's judgements scatter at least, as a multiple of what anybody's do: of one that was never judged but
well, the least change would else be one of many standard deviations."""

SPREAD_MEMORY = 200.0
"""Judgements after which the weight of one in a candidate's spread has fallen to 1 / e: five of a change by 2.5
standard deviations raise it by 6 %."""

ROUNDING = 1e-6
"""By which a probability that is worked back from another may lie outside [0, 1]."""

NUMBERS = ("share", "judged", "squared", "gain", "gain_squared", "baseline")
ARRAYS = ("changed", "jumped", "spread")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """How the share moves.

    The defaults let it grow only where the bandit seems better by two standard errors: on stationary traffic that
    costs nearly nothing, and where a candidate changes the alarm opens it at once, evidence or not.

    Attributes
    ----------
    start : share on the first day.
    least, most : between which it moves; the same value for both holds it fixed.
    margin : by how much, in quality points, the bandit may seem worse than the offline policy and still grow.
    memory : judgements after which the weight of one in the comparison has fallen to 1 / e.
    alarm : height of the slow cumulative sum, in standard deviations, at which a candidate counts as changed; the quick
        one's is three tenths of it; infinite never does. At 15, a candidate that has not changed raises one alarm in
        some ten thousand judgements.
    doubt : what a changed candidate's earlier judgements still count, and the prior that its offline estimate is right.
    """

    start: float = 0.05
    least: float = 0.05
    most: float = 0.98
    margin: float = 0.0
    memory: float = 300.0
    alarm: float = 15.0
    doubt: float = 0.1

    def __post_init__(self) -> None:
        for name in ("start", "least", "most", "doubt"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidInputError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        if not self.least <= self.start <= self.most:
            raise InvalidInputError(
                f"the share starts at {self.start}, outside of its range from {self.least} to {self.most}"
            )
        for name in ("memory", "alarm"):
            if not getattr(self, name) > 0.0:
                raise InvalidInputError(f"{name} must be above 0, got {getattr(self, name)}")
        if not 0.0 <= self.margin < math.inf:
            raise InvalidInputError(f"margin must be a number from 0 up, got {self.margin}")

    @classmethod
    def fixed(cls, share: float) -> "GateSettings":
        """Hold the share where it is, whatever comes."""
        return cls(start=share, least=share, most=share, alarm=math.inf)

    def to_dict(self) -> dict[str, Any]:
        """Give JSON-ready values; an infinite alarm is null."""
        return {**asdict(self), "alarm": None if math.isinf(self.alarm) else self.alarm}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "GateSettings":
        """Rebuild from what :meth:`to_dict` gave."""
        return cls(**{**values, "alarm": math.inf if values["alarm"] is None else values["alarm"]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The share and the evidence behind it; immutable.

    Attributes
    ----------
    settings : how it moves.
    share : of the traffic, in [least, most].
    judged, squared : sum of the weights of the judgements, and of their squares.
    gain, gain_squared : weighted sums of the estimated gain of the bandit over the offline policy, and its square.
    baseline : running mean of the utility.
    changed : (K, 2) slow cumulative sums that look for candidates that became worse, and better, than is believed.
    jumped : (K, 2) the quick ones.
    spread : (K,) standard deviation of a judgement of each candidate around what is believed, as a multiple of that of
        a judgement of any; follows what is seen.
    """

    settings: GateSettings
    share: float
    changed: FloatArray
    jumped: FloatArray
    spread: FloatArray
    judged: float = 0.0
    squared: float = 0.0
    gain: float = 0.0
    gain_squared: float = 0.0
    baseline: float = 0.0

    @classmethod
    def closed(cls, n_arms: int, settings: GateSettings, spread: FloatArray | None = None) -> "Gate":
        """Start without evidence; without a (K,) spread all candidates' judgements are taken to scatter alike."""
        return cls(
            settings=settings,
            share=settings.start,
            changed=np.zeros((n_arms, 2)),
            jumped=np.zeros((n_arms, 2)),
            spread=np.ones(n_arms) if spread is None else np.maximum(spread, LEAST_SPREAD),
        )

    @property
    def numbers(self) -> dict[str, float]:
        """What a bundle keeps beside the settings and the arrays."""
        return {name: getattr(self, name) for name in NUMBERS}

    @property
    def arrays(self) -> dict[str, FloatArray]:
        """What a bundle keeps by candidate."""
        return {name: getattr(self, name) for name in ARRAYS}

    def restored(self, numbers: Mapping[str, float], arrays: Mapping[str, NDArray[Any]]) -> "Gate":
        """Give the gate as a bundle kept it."""
        kept: dict[str, Any] = {name: arrays[name].astype(np.float64) for name in ARRAYS}
        return replace(self, **{**numbers, **kept})

    def after(self, evidence: Evidence) -> "Gate":
        """Take in what one judged decision says of bandit against offline policy.

        Notes
        -----
        phi = (pi_bandit - pi_offline)(a) / p (u - baseline) has the difference of the two policies' utilities as its
        expectation, whatever the baseline, if that was fixed before the decision (the paired estimate of Jeunen and
        Ustimenko, 2024, at the chosen action), and a weight of at most 1 / min(share, 1 - share). Its mean is
        exponentially weighted; two standard errors below it let the share grow, one above it lets it shrink. That is a
        rule of control, not a test at a level: what bounds the damage is the share itself. Where a newcomer's cap has
        moved the probabilities, pi_bandit cannot be told from them: what lies outside [0, 1] is no evidence.
        """
        bandit = (evidence.propensity - (1.0 - evidence.share) * evidence.offline) / evidence.share
        if not -ROUNDING <= bandit <= 1.0 + ROUNDING:
            return self
        phi = (bandit - evidence.offline) / evidence.propensity * (evidence.utility - self.baseline)
        keep = math.exp(-1.0 / self.settings.memory)
        judged, squared = keep * self.judged + 1.0, keep * keep * self.squared + 1.0
        gain, gain_squared = keep * self.gain + phi, keep * self.gain_squared + phi * phi
        moved = replace(
            self,
            judged=judged,
            squared=squared,
            gain=gain,
            gain_squared=gain_squared,
            baseline=self.baseline + (evidence.utility - self.baseline) / judged,
        )
        return moved._shifted(gain / judged, gain_squared / judged)

    def _shifted(self, mean: float, mean_square: float) -> "Gate":
        n = self.judged**2 / self.squared
        if n < LEAST_JUDGED:
            return self
        error = math.sqrt(max(mean_square - mean * mean, 1e-8) / n)
        if mean - SURE * error > -self.settings.margin:
            return replace(self, share=min(self.settings.most, self.share * STEP))
        if mean + error < 0.0:
            return replace(self, share=max(self.settings.least, self.share / STEP))
        return self

    def watched(self, arm: int, surprise: float) -> tuple["Gate", bool]:
        """Look for a change of one candidate.

        Parameters
        ----------
        arm : the candidate that was judged.
        surprise : judged quality less what was believed, in standard deviations of a judgement of any candidate.

        Returns
        -------
        gate : after an alarm with the greatest share, since the offline estimates are then known to be wrong.
        alarm : whether the candidate has changed.

        Notes
        -----
        Two cumulative sums (Page, 1954) for either direction, in the candidate's own standard deviations: s = max(0,
        s + |drift| - k), the slow one with k = 0.25, the quick one with k = 1. An unchanged candidate with normal
        surprises raises an alarm of one direction once in about (e^(2 k h) - 2 k h - 1) / (2 k^2) judgements (Siegmund,
        1985, section 2.6, without the correction for overshoot, which makes alarms rarer still), h the height; a change
        by d standard deviations is found after some h / (d - k). The formula knows neither the bound on one judgement,
        nor skewness, nor that the spread is an estimate. Measured, one alarm of any kind comes in 14,000 judgements
        where surprises are normal, 57,000 with Student's t of 3 degrees of freedom, 125,000, 6,000 and 12,000 where
        one in twenty, ten and three is a failure (2 million each); with a spread that is thrice what was thought, two
        at most in the first 300 and then as before.
        """
        before = float(self.spread[arm])
        spread = self.spread.copy()
        spread[arm] = max(math.sqrt(before**2 + (surprise**2 - before**2) / SPREAD_MEMORY), LEAST_SPREAD)
        changed, slow = self._summed(self.changed, arm, surprise / before, SLOW)
        jumped, quick = self._summed(self.jumped, arm, surprise / before, QUICK)
        alarm = max(slow / SLOW.height, quick / QUICK.height) > self.settings.alarm
        if alarm:
            changed[arm], jumped[arm] = 0.0, 0.0
        share = self.settings.most if alarm else self.share
        return replace(self, changed=changed, jumped=jumped, spread=spread, share=share), alarm

    @staticmethod
    def _summed(sums: FloatArray, arm: int, surprise: float, watch: Watch) -> tuple[FloatArray, float]:
        """Move the two sums of a candidate; give all of them, and the greater of the two."""
        bounded = min(max(surprise, -watch.winsor), watch.winsor)
        worse, better = sums[arm].tolist()
        worse, better = max(worse - bounded - watch.allowance, 0.0), max(better + bounded - watch.allowance, 0.0)
        moved = sums.copy()
        moved[arm, 0], moved[arm, 1] = worse, better
        return moved, max(worse, better)

    def arranged(self, old: list[int | None]) -> "Gate":
        """Give the gate over another list of arms; see :meth:`ResidualBelief.arranged`."""
        new, mine = Gate.closed(1, self.settings).arrays, self.arrays
        moved: dict[str, Any] = {
            name: np.stack([new[name][0] if i is None else mine[name][i] for i in old]) for name in ARRAYS
        }
        return replace(self, **moved)
