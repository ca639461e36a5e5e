"""Estimates beside the truth, where a simulation knows it."""

from collections.abc import Iterator
from dataclasses import dataclass

from arbiter_training.evaluation.records import EvaluationReport, Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One estimate and what it should have found.

    Attributes
    ----------
    policy, outcome : of the estimate.
    measured : the estimate.
    truth : the exact value.
    """

    policy: str
    outcome: str
    measured: Measured
    truth: float

    @property
    def covers(self) -> bool | None:
        """Whether the interval holds the truth; None where there is no interval."""
        if self.measured.low is None or self.measured.high is None:
            return None
        return self.measured.low <= self.truth <= self.measured.high


def checks(report: EvaluationReport) -> list[Check]:
    """Give all estimates whose truth is known, in the order of the policies."""
    return list(_checks(report))


def _checks(report: EvaluationReport) -> Iterator[Check]:
    for row in report.rows:
        for outcome, truth in report.truth.get(row.name, {}).items():
            measured = row.outcomes.get(outcome)
            if measured is not None:
                yield Check(policy=row.name, outcome=outcome, measured=measured, truth=truth)


def coverage_sentence(found: list[Check]) -> str:
    """Say how many intervals cover."""
    with_interval = [check.covers for check in found if check.covers is not None]
    if not with_interval:
        return "No estimate has both an interval and a known truth."
    covering = sum(with_interval)
    return f"{covering} of {len(with_interval)} intervals cover the truth."
