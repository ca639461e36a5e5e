"""A router against the baseline and against mixtures of constant models."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from arbiter_training.evaluation.records import EvaluationReport, Measured, PolicyRow

CONTROLS = ("random", "uniform", "shuffle", "cost-matched-shuffle")
"""Names of policies that are yardsticks: nobody would run them, so no verdict recommends them."""

ALL_TRAFFIC = 1.0 - 1e-9


class Finding(StrEnum):
    """What the log says about one router."""

    PAYS = "pays"
    TRADES = "trades"
    UNDECIDED = "undecided"
    BEATEN = "beaten"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One router against the baseline.

    Attributes
    ----------
    row : the router.
    finding : what the log says about it.
    quality, cost : paired differences, in the outcome's unit; None where refused.
    relative_quality, relative_cost : the same over the baseline's mean, which is taken as known; None where either
        is missing.
    hull_inside_interval : whether the best mixture of constant models at this cost is inside the router's interval.
    """

    row: PolicyRow
    finding: Finding
    quality: Measured | None
    cost: Measured | None
    relative_quality: Measured | None
    relative_cost: Measured | None
    hull_inside_interval: bool

    @property
    def saving(self) -> float:
        """Share of the baseline's cost that is saved; below 0 where the router costs more or nothing is known."""
        return -self.relative_cost.value if self.relative_cost else float("-inf")


def routers(report: EvaluationReport) -> tuple[PolicyRow, ...]:
    """Give the rows that could be recommended: not the baseline, not constant, not a control."""
    return tuple(
        row
        for row in report.rows
        if row.name != report.baseline and constant_model(row) is None and row.name.lower() not in CONTROLS
    )


def constant_model(row: PolicyRow) -> str | None:
    """Give the model that takes all of a policy's traffic; None where several share it."""
    return next((model for model, share in row.shares.items() if share >= ALL_TRAFFIC), None)


def compare(report: EvaluationReport, row: PolicyRow, tolerated_loss: float) -> Comparison:
    """Compare a router with the baseline.

    Parameters
    ----------
    report : the evaluation.
    row : the router.
    tolerated_loss : of the baseline's quality, in [0, 1].

    Returns
    -------
    comparison : differences and what they amount to.
    """
    base = next((r.outcomes for r in report.rows if r.name == report.baseline), {})
    quality, cost = row.differences.get("quality"), row.differences.get("cost_usd")
    share_of_quality = relative(quality, base.get("quality"))
    share_of_cost = _not_below_all(relative(cost, base.get("cost_usd")))
    hull = _hull_quality(report, row.outcomes.get("cost_usd"))
    value = row.outcomes.get("quality")
    return Comparison(
        row=row,
        finding=_finding(share_of_quality, share_of_cost, tolerated_loss, _is_beaten(value, hull)),
        quality=quality,
        cost=cost,
        relative_quality=share_of_quality,
        relative_cost=share_of_cost,
        hull_inside_interval=bool(value and hull is not None and value.low is not None and value.low <= hull),
    )


def relative(difference: Measured | None, baseline: Measured | None) -> Measured | None:
    """Give a difference as a share of the baseline's mean; None where either is missing or the mean is not above 0."""
    if difference is None or baseline is None or not baseline.value > 0.0:
        return None
    low, high = (None if end is None else end / baseline.value for end in (difference.low, difference.high))
    return Measured(
        value=difference.value / baseline.value, low=low, high=high, estimator=difference.estimator, ess=difference.ess
    )


def _not_below_all(share: Measured | None) -> Measured | None:
    """Cut an interval at -1: nobody saves more than everything, so nothing is lost from its coverage."""
    if share is None or share.low is None:
        return share
    return replace(share, low=max(share.low, -1.0))


def _finding(quality: Measured | None, cost: Measured | None, tolerance: float, beaten: bool) -> Finding:
    if quality is None or cost is None:
        return Finding.UNKNOWN
    if beaten:
        return Finding.BEATEN
    if quality.low is None or quality.high is None or cost.low is None or cost.high is None:
        return Finding.UNDECIDED
    cheaper, dearer, better, worse = cost.high < 0.0, cost.low > 0.0, quality.low > 0.0, quality.high < 0.0
    if (cheaper and quality.low >= -tolerance) or (better and not dearer):
        return Finding.PAYS
    if (cheaper and worse) or (dearer and better):
        return Finding.TRADES
    hopeless = (dearer and quality.value <= 0.0) or (worse and cost.value >= 0.0)
    return Finding.BEATEN if hopeless else Finding.UNDECIDED


def _is_beaten(quality: Measured | None, hull: float | None) -> bool:
    return quality is not None and hull is not None and quality.value <= hull


def _hull_quality(report: EvaluationReport, cost: Measured | None) -> float | None:
    """Give what the best mixture of constant models reaches at a cost; None where no mixture is that cheap."""
    if cost is None or not report.hull:
        return None
    costs, qualities = np.array(report.hull, dtype=np.float64).T
    return None if cost.value < costs[0] else float(np.interp(cost.value, costs, qualities))
