"""Competitors as curves: what each of a run of settings earned and cost on every test request."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.ope import BootstrapPlan, bootstrap_means

FloatArray = NDArray[np.float64]

SETTINGS = 60
"""Worths of a dollar at which a predictor is run."""


def worths_of_a_dollar(dearest_usd: float) -> FloatArray:
    """Give the settings, most thrifty first, the last one 0: the same for all competitors, fixed before any result.

    Parameters
    ----------
    dearest_usd : mean cost of the dearest candidate on the training rows: what sets the scale.
    """
    return np.concatenate([np.geomspace(3e3, 1e-3, SETTINGS - 1) / dearest_usd, [0.0]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One competitor on the test requests.

    Attributes
    ----------
    name : of the competitor.
    quality, cost : (m, n) what setting j earned and spent on request i, in dollars; mean over seeds.
    """

    name: str
    quality: FloatArray
    cost: FloatArray

    @property
    def columns(self) -> FloatArray:
        """(n, 2 m), for the bootstrap."""
        return np.concatenate([self.quality, self.cost]).T

    def points(self, means: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Split means of the columns, shape (..., 2 m), into cost and quality."""
        m = len(self.quality)
        return means[..., m:], means[..., :m]


class TraceBuilder:
    """Collects the rounds of one competitor.

    Parameters
    ----------
    name : of the competitor.
    quality, cost : (n, K) the truth.
    """

    def __init__(self, name: str, quality: FloatArray, cost: FloatArray) -> None:
        self.name = name
        self._truth = quality, cost
        self._sums: tuple[FloatArray, FloatArray] | None = None
        self._count = np.zeros(len(quality))

    def add_choices(self, rows: NDArray[np.int64], actions: NDArray[np.int64]) -> None:
        """Add a round in which setting j chose ``actions[j, i]`` for request ``rows[i]``."""
        if self._sums is None:
            empty = np.zeros((len(actions), len(self._count)))
            self._sums = empty, empty.copy()
        for total, truth in zip(self._sums, self._truth, strict=True):
            total[:, rows] += truth[rows[None, :], actions]
        self._count[rows] += 1.0

    def add_predictions(
        self, rows: NDArray[np.int64], predicted: FloatArray, expected_cost: FloatArray, worths: FloatArray
    ) -> None:
        """Add a round of a predictor, which takes the greatest quality less worth times expected cost."""
        actions = [(predicted - worth * expected_cost).argmax(axis=1) for worth in worths]
        self.add_choices(rows, np.array(actions))

    def build(self, tested: NDArray[np.int64]) -> Trace:
        """Give the curve on the requests that were tested."""
        assert self._sums is not None
        quality, cost = (total[:, tested] / self._count[tested] for total in self._sums)
        return Trace(name=self.name, quality=quality, cost=cost)


def quality_at(cost: FloatArray, quality: FloatArray, budget: float) -> float:
    """Give the quality of a curve at a budget, without looking at quality to choose the setting.

    The dearest setting at or below the budget, mixed at random with the next dearer one so as to spend the budget;
    never a setting chosen for its quality on the test rows. Serving does the same by pacing, for which costs suffice.

    Parameters
    ----------
    cost, quality : (m,) means of the settings, most thrifty first.
    budget : dollars per request.

    Returns
    -------
    quality : NaN where even the most thrifty setting is dearer.
    """
    order = np.argsort(cost, kind="stable")
    x, y = cost[order], quality[order]
    below = int(np.searchsorted(x, budget, side="right")) - 1
    if below < 0:
        return float("nan")
    if below == len(x) - 1:
        return float(y[below])
    share = (budget - x[below]) / (x[below + 1] - x[below])
    return float(y[below] + share * (y[below + 1] - y[below]))


def replicates(columns: FloatArray, groups: NDArray[np.int64], resamples: int) -> FloatArray:
    """Resample the means of per-request columns by near-duplicate group; (resamples, d).

    The same groups are drawn at every call, so that differences between competitors are paired.
    """
    return bootstrap_means(columns, groups, BootstrapPlan(resamples=resamples, seed=0))
