"""The figures of a benchmark, each with its interval over requests."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.ope import aiq, nondecreasing_hull, percentile_interval, strong_weak_masks
from arbiter_training.benchmarks.trace import Trace, quality_at, replicates

FloatArray = NDArray[np.float64]

RESAMPLES = 400
PAIR_THRESHOLDS = 100
"""Thresholds at which a pair's curve is drawn: so many that the area is that under the curve, not under ten chords."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number and its 95 % interval; NaN where the competitor has none."""

    value: float
    low: float
    high: float

    def text(self, digits: int = 4, sign: bool = False) -> str:
        """Say it, such as ``0.6543 [0.6312, 0.6771]``."""
        if np.isnan(self.value):
            return "-"
        form = f"{{:{'+' if sign else ''}.{digits}f}}"
        if np.isnan(self.low):
            return form.format(self.value)
        return f"{form.format(self.value)} [{form.format(self.low)}, {form.format(self.high)}]"


def figure_of(value: float, replicated: FloatArray) -> Figure:
    """Give a figure from its value and its bootstrap replicates."""
    known = replicated[~np.isnan(replicated)]
    if np.isnan(value) or known.size < 2:
        return Figure(value=value, low=float("nan"), high=float("nan"))
    low, high = percentile_interval(known)
    return Figure(value=value, low=low, high=high)


class Arena:
    """The test requests, on which every competitor is measured with the same resamples.

    Parameters
    ----------
    quality, cost : (n, K) the truth on the tested requests.
    single : the best single model of the training rows, as a curve of one point.
    groups : (n,) near-duplicates share a number.
    """

    def __init__(self, quality: FloatArray, cost: FloatArray, single: Trace, groups: NDArray[np.int64]) -> None:
        self.quality, self.cost, self.single, self._groups = quality, cost, single, groups
        k = quality.shape[1]
        self.fixed = Trace(name="fixed models", quality=quality.T, cost=cost.T)
        self._k = k
        means = cost.mean(axis=0)
        self.low, self.high = float(means.min()), float(means.max())
        self._fixed_drawn = self._drawn(self.fixed.columns)
        self._single_drawn = self._drawn(single.columns)

    def _drawn(self, columns: FloatArray) -> FloatArray:
        return replicates(columns, self._groups, RESAMPLES)

    def each(self, trace: Trace, score: Callable[[FloatArray, FloatArray], float]) -> tuple[float, FloatArray]:
        """Give a score of (cost, quality) of a curve, and its replicates."""
        drawn = self._drawn(trace.columns)
        value = score(*trace.points(trace.columns.mean(axis=0)))
        return value, np.array([score(*trace.points(row)) for row in drawn])

    def at_budget(self, trace: Trace, budget: float) -> Figure:
        """Give the quality at or below a budget; see :func:`quality_at`."""
        return figure_of(*self.each(trace, lambda cost, quality: quality_at(cost, quality, budget)))

    def aiq(self, trace: Trace) -> Figure:
        """Give the mean height of the curve's hull over the fixed models' costs (RouterBench).

        A curve that does not begin near the cheapest model or end near the dearest has none.
        """
        return figure_of(*self.aiqs(trace))

    def aiq_over_random(self, trace: Trace) -> tuple[float, FloatArray]:
        """Give the AIQ less the mean quality of choosing uniformly at random, and its replicates."""
        value, drawn = self.aiqs(trace)
        return value - float(self.quality.mean()), drawn - self._fixed_drawn[:, : self._k].mean(axis=1)

    def aiq_over_fixed(self, trace: Trace) -> tuple[float, FloatArray]:
        """Give the AIQ less that of mixing fixed models at random (chosen with hindsight), and its replicates."""
        (mine, drawn), (fixed, fixed_drawn) = self.aiqs(trace), self.aiqs(self.fixed)
        return mine - fixed, drawn - fixed_drawn

    def aiqs(self, trace: Trace) -> tuple[float, FloatArray]:
        """Give the AIQ and its replicates."""
        if len(trace.quality) < 2:
            return float("nan"), np.full(RESAMPLES, np.nan)
        return self.each(trace, lambda c, q: aiq(nondecreasing_hull(c, q), self.low, self.high))

    def fixed_hull(self, budget: float) -> float:
        """Give the quality of the best mixture of fixed models, chosen with hindsight on the test rows."""
        means = self.cost.mean(axis=0), self.quality.mean(axis=0)
        return float(nondecreasing_hull(*means).quality_at(budget))

    def gain(self, trace: Trace) -> Figure:
        """Give quality at the cost of the best single model, or less, minus that model's quality; paired."""
        return figure_of(*self.gains(trace))

    def gains(self, trace: Trace) -> tuple[float, FloatArray]:
        """Give the gain over the best single model and its replicates."""
        (own_cost, own_quality) = self.single.points(self.single.columns.mean(axis=0))
        drawn = self._drawn(trace.columns)
        value = quality_at(*trace.points(trace.columns.mean(axis=0)), float(own_cost[0])) - float(own_quality[0])
        pairs = zip(drawn, self._single_drawn, strict=True)
        again = [quality_at(*trace.points(row), float(one[1])) - float(one[0]) for row, one in pairs]
        return value, np.array(again)

    def worst_against_constant(self, trace: Trace) -> Figure:
        """Give the difference to the best constant model of no more cost, at the setting where it looks worst.

        The constant is chosen with hindsight. Worst is the setting whose interval has the lowest upper end: where that
        is at 0 or above, no setting is worse than a constant beyond its interval.
        """
        cost, quality = trace.points(trace.columns.mean(axis=0))
        _, drawn_quality = trace.points(self._drawn(trace.columns))
        fixed_cost, fixed_quality = self.cost.mean(axis=0), self.quality.mean(axis=0)
        worst: Figure | None = None
        for j in range(len(cost)):
            affordable = np.flatnonzero(fixed_cost <= cost[j] * (1.0 + 1e-9))
            if affordable.size == 0:
                continue
            rival = affordable[np.argmax(fixed_quality[affordable])]
            found = figure_of(
                float(quality[j] - fixed_quality[rival]), drawn_quality[:, j] - self._fixed_drawn[:, rival]
            )
            worst = found if worst is None or found.high < worst.high else worst
        return worst or Figure(value=float("nan"), low=float("nan"), high=float("nan"))


def pair_columns(win_rate: FloatArray, weak: FloatArray, strong: FloatArray, thresholds: int) -> FloatArray:
    """Give the (n, 2 m) shares sent to the strong model and qualities at the thresholds of a pair's router."""
    masks = strong_weak_masks(win_rate, thresholds)
    return np.concatenate([masks, weak + masks * (strong - weak)]).T


def apgr_of(means: FloatArray) -> float:
    """Give the APGR (RouteLLM) from the means of :func:`pair_columns`; 0.5 is a random router."""
    share, quality = np.split(means, 2)
    weak, strong = quality[0], quality[-1]
    return float((np.trapezoid(quality, share) - weak) / (strong - weak))


def cpt_of(means: FloatArray, level: float) -> float:
    """Give the least share of strong calls that recovers a share of the gap between the two models."""
    share, quality = np.split(means, 2)
    wanted = quality[0] + level * (quality[-1] - quality[0])
    rising = np.maximum.accumulate(quality)
    return float(np.interp(wanted, rising, share))
