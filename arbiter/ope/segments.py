"""A policy in each part of the traffic, with allowance for how many parts were looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import BoolArray, FloatArray, as_table
from arbiter.ope.distributions import student_t_quantile, student_t_tail
from arbiter.ope.estimate import OffPolicyEstimate
from arbiter.ope.evaluate import Evaluation, QHat, evaluate_difference_sums, evaluate_sums, name_models, sum_policies
from arbiter.ope.logged import LoggedFeedback
from arbiter.ope.multiplicity import adjusted_p_values, interval_level
from arbiter.ope.options import EstimateOptions
from arbiter.ope.verdict import Judgement

UNLABELLED = "(none)"

SCALABLE = frozenset({"dr", "exact", "ips", "sndr", "snips"})
"""Estimators without a bias that their standard error does not show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPlan:
    """How to look at segments.

    Parameters
    ----------
    outcome : str
        Outcome column to compare.
    rule : str
        "holm" or "benjamini_hochberg", see `multiplicity`.
    options : EstimateOptions
        Estimators and level.
    """

    outcome: str = "quality"
    rule: str = "holm"
    options: EstimateOptions = field(default_factory=EstimateOptions)

    def __post_init__(self) -> None:
        """Check that the leading estimate will be one whose error can be scaled to another level."""
        asked = self.options.estimators
        if asked is not None and not set(asked) & SCALABLE:
            raise InvalidInputError(f"segments need one of {sorted(SCALABLE)} among the estimators, not only {asked}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentResult:
    """One part of the traffic.

    Parameters
    ----------
    dimension, label : str
        Such as "domain" and "coding".
    n : int
        Requests.
    share : float
        Of all requests, in (0, 1].
    ess : float
        Effective sample size of the policy within the segment.
    judgement : Judgement
        Whether this part of the log can tell.
    value : OffPolicyEstimate or None
        Of the policy; None where refused. Its interval is that of this segment alone.
    difference : OffPolicyEstimate or None
        Policy minus baseline, with the interval at the level that allows for all segments; None
        where refused or without a baseline.
    p_value : float
        Two-sided, of "no difference", for this segment alone; 1 where there is none.
    adjusted_p_value : float
        The same with allowance for all segments that could be asked.
    """

    dimension: str
    label: str
    n: int
    share: float
    ess: float
    judgement: Judgement
    value: OffPolicyEstimate | None
    difference: OffPolicyEstimate | None
    p_value: float = 1.0
    adjusted_p_value: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTable:
    """All parts of the traffic.

    Parameters
    ----------
    results : tuple of SegmentResult
        By dimension, the largest segment first.
    rule : str
        How the number of questions was allowed for.
    asked : int
        Questions that the log could answer.
    """

    results: tuple[SegmentResult, ...]
    rule: str
    asked: int

    def findings(self, alpha: float = 0.05) -> tuple[SegmentResult, ...]:
        """Return the segments that differ, at a level for all of them together."""
        return tuple(r for r in self.results if r.difference is not None and r.adjusted_p_value <= alpha)

    def worst(self, count: int = 5) -> tuple[SegmentResult, ...]:
        """Return the segments with the lowest difference (or value, without a baseline), worst first."""
        known = [(r.difference or r.value, r) for r in self.results]
        ranked = sorted(((e.value, i) for i, (e, _) in enumerate(known) if e is not None))
        return tuple(known[i][1] for _, i in ranked[:count])


def evaluate_segments(
    log: LoggedFeedback,
    policies: tuple[ArrayLike, ArrayLike | None],
    labels: Mapping[str, ArrayLike],
    q_hat: QHat = None,
    plan: SegmentPlan | None = None,
) -> SegmentTable:
    """Evaluate a policy, and its difference to a baseline, in each part of the traffic.

    Parameters
    ----------
    log : LoggedFeedback
        The log.
    policies : tuple of array-like, shape (n, K)
        The policy, and the baseline or None.
    labels : mapping of str to array-like, shape (n,)
        Dimension (domain, complexity, language, tenant) to the label of each request; None is a
        segment of its own.
    q_hat : array-like, mapping or None
        Predicted rewards, as for `evaluate`.
    plan : SegmentPlan, optional
        Outcome, rule for many questions, level.

    Returns
    -------
    SegmentTable
        Dimensions overlap, so their questions depend on one another; Holm's rule does not mind.

    Raises
    ------
    InvalidInputError
        If shapes do not fit or the outcome is not in the log.
    """
    plan = plan or SegmentPlan()
    part = _only(log, plan.outcome)
    models = name_models(log, q_hat)
    tables = [None if p is None else as_table(p, log.n, log.n_actions, "action_probs") for p in policies]
    model = models.get(plan.outcome)
    found = []
    for dimension, values in labels.items():
        for label, rows in _groups(values, log.n):
            sliced = [None if table is None else table[rows] for table in tables]
            given = None if model is None else {plan.outcome: model[rows]}
            result = _one(part.select(rows), sliced, given, plan)
            found.append(replace(result, dimension=dimension, label=label, share=result.n / log.n))
    return _allow_for_all(found, plan)


def _only(log: LoggedFeedback, outcome: str) -> LoggedFeedback:
    if outcome not in log.outcomes:
        raise InvalidInputError(f"no outcome {outcome!r} in the log: it has {sorted(log.outcomes)}")
    return replace(log, outcomes={outcome: log.outcomes[outcome]})


def _groups(values: ArrayLike, n: int) -> list[tuple[str, BoolArray]]:
    names = np.array([UNLABELLED if v is None else str(v) for v in np.asarray(values, dtype=object)])
    if names.size != n:
        raise InvalidInputError(f"labels have {names.size} entries, but the log has {n} requests")
    held, counts = np.unique(names, return_counts=True)
    return [(str(held[i]), names == held[i]) for i in np.argsort(-counts, kind="stable")]


def _one(
    log: LoggedFeedback, tables: list[FloatArray | None], q_hat: Mapping[str, FloatArray] | None, plan: SegmentPlan
) -> SegmentResult:
    policies = tables if tables[1] is not None else tables[:1]
    sums = sum_policies(log, list(policies), q_hat, plan.options)
    alone = evaluate_sums(sums, plan.options)[plan.outcome]
    judged: Evaluation = alone
    if len(policies) == 2:
        judged = evaluate_difference_sums(sums, plan.options)[plan.outcome]
    return SegmentResult(
        dimension="",
        label="",
        n=log.n,
        share=0.0,
        ess=alone.diagnostics[0].ess,
        judgement=judged.judgement,
        value=alone.best,
        difference=judged.best if len(policies) == 2 else None,
    )


def _allow_for_all(found: list[SegmentResult], plan: SegmentPlan) -> SegmentTable:
    asked = [i for i, r in enumerate(found) if r.difference is not None and r.difference.stderr is not None]
    p_values = [_p_value(found[i].difference) for i in asked]
    adjusted = adjusted_p_values(p_values, plan.rule)
    confidence = plan.options.confidence
    level = interval_level(confidence, len(asked), int((adjusted <= 1.0 - confidence).sum()), plan.rule)
    for i, p, q in zip(asked, p_values, adjusted, strict=True):
        widened = _at_level(found[i].difference, level)
        found[i] = replace(found[i], difference=widened, p_value=p, adjusted_p_value=float(q))
    return SegmentTable(results=tuple(found), rule=plan.rule, asked=len(asked))


def _degrees(estimate: OffPolicyEstimate) -> float:
    """Return the degrees of freedom as in the intervals: ESS or units, less one."""
    effective = float(estimate.units) if estimate.estimator == "exact" else min(estimate.ess, float(estimate.units))
    return max(effective - 1.0, 1.0)


def _p_value(estimate: OffPolicyEstimate | None) -> float:
    assert estimate is not None and estimate.stderr is not None
    if estimate.stderr == 0.0:
        return 1.0 if estimate.value == 0.0 else 0.0
    return 2.0 * student_t_tail(abs(estimate.value) / estimate.stderr, _degrees(estimate))


def _at_level(estimate: OffPolicyEstimate | None, level: float) -> OffPolicyEstimate:
    assert estimate is not None and estimate.stderr is not None
    reach = student_t_quantile(0.5 + level / 2.0, _degrees(estimate)) * estimate.stderr
    return replace(estimate, interval=(estimate.value - reach, estimate.value + reach), confidence=level)
