"""How well what is high or critical is found: errors are not symmetric, so recall is told at stated false alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from arbiter.vocabulary import Risk
from arbiter_training.gatekeeper.data import BoolArray, FloatArray, IntArray

FALSE_ALARMS = (0.01, 0.02, 0.05, 0.10)
"""Shares of the harmless that may be called high, for which recall is told."""

LEAST_PER_SOURCE = 5
"""Labelled requests of a source below which it is not told apart."""

Z95 = 1.959963984540054
"""97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRisk:
    """The verdict on the requests of one source.

    Attributes
    ----------
    recall, false_alarms : as in :class:`RiskEvaluation`; NaN where there is nothing to find, or nothing harmless.
    n_high, n_other : requests of either kind.
    """

    recall: float
    false_alarms: float
    n_high: int
    n_other: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskEvaluation:
    """How well the verdict of harm, stake or both finds what is high or critical.

    Attributes
    ----------
    recall : share of the high and critical requests called so; NaN where there are none.
    false_alarms : share of the others called so; NaN where there are none.
    recall_at : stated share of false alarms to the recall of the probability alone, at the threshold that calls at most
        so many of these very requests: it is chosen on them, so a threshold set elsewhere does a little worse.
    auc : chance that a high request has a greater probability than another; NaN where either kind is missing.
    n_high, n_other : requests of either kind.
    by_source : source to the verdict on its requests, for sources of five requests or more.
    """

    recall: float
    false_alarms: float
    recall_at: Mapping[float, float]
    auc: float
    n_high: int
    n_other: int
    by_source: Mapping[str, SourceRisk]

    @property
    def recall_at_5(self) -> float:
        """Recall of the probability alone where it calls 5 % of the others."""
        return self.recall_at[0.05]


def evaluate_risk(
    called: BoolArray, probability: FloatArray, labels: IntArray, sources: Sequence[str]
) -> RiskEvaluation:
    """Judge n verdicts and probabilities of "high or critical".

    Parameters
    ----------
    called : (n,) whether the verdict is high or critical.
    probability : (n,) of high or critical.
    labels : (n,) index of the level, -1 where unknown.
    sources : n names.
    """
    high, other = labels >= Risk.HIGH.rank, (labels >= 0) & (labels < Risk.HIGH.rank)
    names = np.array(sources, dtype=object)
    whole = _verdicts(called, high, other)
    return RiskEvaluation(
        recall=whole.recall,
        false_alarms=whole.false_alarms,
        recall_at={share: _recall_at(share, probability[high], probability[other]) for share in FALSE_ALARMS},
        auc=_auc(probability[high], probability[other]),
        n_high=whole.n_high,
        n_other=whole.n_other,
        by_source={
            str(name): _verdicts(called[mine], high[mine], other[mine])
            for name in dict.fromkeys(sources)
            if ((mine := names == name) & (labels >= 0)).sum() >= LEAST_PER_SOURCE
        },
    )


def wilson(share: float, n: int) -> tuple[float, float]:
    """Give the 95 % interval of a share of n independent requests; (0, 1) for none.

    Source: Wilson (1927), score interval. Requests of one source resemble each other, so the true one is wider.
    """
    if n == 0 or np.isnan(share):
        return 0.0, 1.0
    centre, spread = share + Z95**2 / (2 * n), Z95 * sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    low, high = ((centre + side * spread) / (1 + Z95**2 / n) for side in (-1, 1))
    return min(max(low, 0.0), share), max(min(high, 1.0), share)  # at 0 and 1 rounding may leave the share outside


def _verdicts(called: BoolArray, high: BoolArray, other: BoolArray) -> SourceRisk:
    return SourceRisk(
        recall=_share(called[high]),
        false_alarms=_share(called[other]),
        n_high=int(high.sum()),
        n_other=int(other.sum()),
    )


def _recall_at(share: float, high: FloatArray, other: FloatArray) -> float:
    if other.size == 0:
        return float("nan")
    allowed = int(share * other.size)  # so many of the others may lie above the threshold
    return _share(high > np.sort(other)[::-1][allowed]) if allowed < other.size else _share(high > -np.inf)


def _auc(high: FloatArray, other: FloatArray) -> float:
    if not high.size or not other.size:
        return float("nan")
    ordered = np.sort(other)
    below, upto = np.searchsorted(ordered, high, side="left"), np.searchsorted(ordered, high, side="right")
    return float((below + upto).mean() / (2 * other.size))


def _share(found: BoolArray) -> float:
    return float(found.mean()) if found.size else float("nan")
