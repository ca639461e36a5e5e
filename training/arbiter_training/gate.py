"""The gate: a challenger serves only after it has shown, at an error that looks do not raise, that it may."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.special import ndtr

from arbiter.errors import InvalidInputError
from arbiter.ope import EstimateOptions, Verdict
from arbiter_training.gate_checks import (
    COST,
    QUALITY,
    UTILITY,
    Comparison,
    GateCheck,
    GateEvidence,
    check_budget,
    check_calibration,
    check_lower,
    check_propensities,
    check_schema,
)
from arbiter_training.sequential import LookPlan

EVERY = "*"
"""The floor of segments that have none of their own."""


class Recommendation(StrEnum):
    """What to do."""

    PROMOTE = "promote"
    KEEP = "keep the champion"
    USE_CONSTANT = "use the constant model"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """What has to be shown.

    Attributes
    ----------
    looks : how often the gate will look at the growing log, and the error over all looks.
    quality_per_usd : what money is worth: utility = quality - this x cost_usd.
    margin : utility per request that the challenger may be worse by, at least 0. At 0 it has to be better.
    max_drop : quality per request that it may lose against the champion in a large segment; None does not ask.
    floors : ``"domain=coding"`` (or ``"*"`` for the others) to the least quality in that segment, where it is large.
    large_share, large_ess : a segment is large with this share of requests and this effective sample size.
    budget_usd : most dollars per request; None does not ask.
    max_calibration_error : of the challenger's predicted quality, root mean square; None does not ask.
    min_ess : effective sample size below which nothing is decided.
    accept_observational : whether propensities that were estimated from the log will do.
    estimators : as for :class:`~arbiter.ope.EstimateOptions`.
    """

    looks: LookPlan
    quality_per_usd: float = 0.0
    margin: float = 0.0
    max_drop: float | None = 0.05
    floors: Mapping[str, float] = field(default_factory=dict)
    large_share: float = 0.05
    large_ess: float = 500.0
    budget_usd: float | None = None
    max_calibration_error: float | None = 0.1
    min_ess: float = 100.0
    accept_observational: bool = False
    estimators: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Check signs."""
        for name in ("quality_per_usd", "margin", "max_drop", "budget_usd", "max_calibration_error"):
            value = getattr(self, name)
            if value is not None and not value >= 0.0:
                raise InvalidInputError(f"{name} is {value}: expected 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """What the gate found.

    Attributes
    ----------
    promote : whether the challenger may serve.
    recommendation : what to do; promotion is one of three.
    constant : the model to use alone, where that is the recommendation.
    reasons : why not, one sentence per check that failed; what was shown, where it may serve.
    figures : every check with its numbers.
    critical_value : standard errors between estimate and bound at this look.
    units : requests (or sessions) looked at.
    """

    promote: bool
    recommendation: Recommendation
    constant: str | None
    reasons: tuple[str, ...]
    figures: tuple[GateCheck, ...]
    critical_value: float
    units: int

    def to_dict(self) -> dict[str, Any]:
        """Give JSON-ready values (NaN where a figure does not exist)."""
        return asdict(self)


def decide(evidence: GateEvidence, rules: GateRules, earlier_looks: tuple[int, ...] = ()) -> GateDecision:
    """Decide whether the challenger may replace the champion.

    Parameters
    ----------
    evidence : log, policies, segments.
    rules : what has to be shown.
    earlier_looks : requests (or sessions) at each earlier look at this growing log.

    Returns
    -------
    decision : promotes only if EVERY check passes.

    Raises
    ------
    InvalidInputError
        If shapes do not fit or the looks do not grow.

    Notes
    -----
    An intersection-union test (Berger 1982): where any one requirement is truly missed, promotion needs that one to
    be falsely passed, so each is tested at the full error and no allowance for their number is due. The burden of proof
    is on the challenger: a floor or budget counts as kept only when the bound, not the estimate, keeps it.
    """
    valued = evidence.valued(rules.quality_per_usd)
    units = valued.log.units
    critical = rules.looks.critical_value(units, earlier_looks)
    # Bounds are one-sided, intervals two-sided: their level is 1 - 2 P(Z > critical).
    level = 1.0 - 2.0 * float(ndtr(-critical))
    if not level < 1.0:
        reason = f"no error is left to spend at {units} of {rules.looks.planned_units} planned: plan new looks first"
        return _decision(False, (), (reason,), critical, units)
    options = EstimateOptions(confidence=level, estimators=rules.estimators)
    checks = _checks(valued, rules, options)
    constant = _better_constant(valued, rules, options, all(c.passed for c in checks))
    failed = tuple(c.reason for c in checks if not c.passed)
    promote = not failed and constant is None
    if constant is not None:
        failed = (
            *failed,
            f"the constant model {constant} is better than the champion, and the router is not shown "
            "to be better than it",
        )
    shown = tuple(c.reason for c in checks)
    found = _decision(promote, checks, shown if promote else failed, critical, units)
    if constant is None:
        return found
    return replace(found, recommendation=Recommendation.USE_CONSTANT, constant=constant)


def _decision(
    promote: bool, checks: tuple[GateCheck, ...], reasons: tuple[str, ...], critical: float, units: int
) -> GateDecision:
    return GateDecision(
        promote=promote,
        recommendation=Recommendation.PROMOTE if promote else Recommendation.KEEP,
        constant=None,
        reasons=reasons,
        figures=checks,
        critical_value=critical,
        units=units,
    )


def _checks(evidence: GateEvidence, rules: GateRules, options: EstimateOptions) -> tuple[GateCheck, ...]:
    utility = evidence.only(UTILITY).difference(options)
    checks = [
        check_lower("utility over the champion", utility, 0.0 - rules.margin, rules.min_ess),
        check_propensities(utility, rules.accept_observational),
    ]
    checks += _segment_checks(evidence, rules, options)
    if rules.budget_usd is not None:
        checks.append(check_budget(evidence.only(COST).value(options), rules.budget_usd))
    if rules.max_calibration_error is not None and evidence.predicted_quality is not None:
        checks.append(check_calibration(evidence, rules.max_calibration_error))
    checks.append(check_schema(evidence.schema_problems))
    return tuple(checks)


def _segment_checks(evidence: GateEvidence, rules: GateRules, options: EstimateOptions) -> list[GateCheck]:
    out = []
    for dimension, labels in evidence.segments.items():
        names = np.array([str(label) for label in labels])
        for label in np.unique(names):
            rows = names == label
            if rows.mean() < rules.large_share:
                continue
            part, name = evidence.only(QUALITY, rows), f"{dimension}={label}"
            out += _floor_checks(part, name, rules, options)
    return out


def _floor_checks(part: Comparison, name: str, rules: GateRules, options: EstimateOptions) -> list[GateCheck]:
    value = part.value(options)
    if value.diagnostics[0].ess < rules.large_ess and value.judgement.verdict is not Verdict.SOUND:
        return []  # not large: its traffic is too little to show anything either way
    out = []
    floor = rules.floors.get(name, rules.floors.get(EVERY))
    if floor is not None:
        out.append(check_lower(f"quality in {name}", value, floor, rules.min_ess))
    if rules.max_drop is not None:
        change = part.difference(options)
        out.append(check_lower(f"quality over the champion in {name}", change, -rules.max_drop, rules.min_ess))
    return out


def _better_constant(evidence: GateEvidence, rules: GateRules, options: EstimateOptions, passed: bool) -> str | None:
    """Return the constant model that should serve instead, if there is one.

    It has to be better than the champion at the gate's error shared among the candidates, keep floors and budget, and
    where the challenger passed, be better than the challenger too.
    """
    shared = replace(options, confidence=1.0 - (1.0 - options.confidence) / len(evidence.models))
    found: list[tuple[float, str]] = []
    for column, model in enumerate(evidence.models):
        probs = np.tile(np.eye(len(evidence.models))[column], (evidence.log.n, 1))
        if np.array_equal(probs, evidence.champion) or np.array_equal(probs, evidence.challenger):
            continue
        alone = replace(evidence, challenger=probs, predicted_quality=None, schema_problems=())
        check = check_lower(model, alone.only(UTILITY).difference(shared), 0.0, rules.min_ess)
        rival = replace(alone, champion=evidence.challenger)
        if not check.passed or (passed and not _beats(rival, shared, rules)):
            continue
        if all(c.passed for c in _checks(alone, rules, shared)):
            found.append((check.estimate, model))
    return max(found)[1] if found else None


def _beats(rival: GateEvidence, options: EstimateOptions, rules: GateRules) -> bool:
    return check_lower("", rival.only(UTILITY).difference(options), 0.0, rules.min_ess).passed
