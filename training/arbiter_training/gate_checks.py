"""What a challenger has to show before it serves, one check at a time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter.ope import (
    EstimateOptions,
    Evaluation,
    LoggedFeedback,
    evaluate,
    evaluate_difference,
    model_reliability,
)

FloatArray = NDArray[np.float64]

MAX_Z = 3.0
"""Standard errors by which the signs of wrong propensities may be off, as in :mod:`arbiter.ope.verdict`."""

QUALITY, COST, UTILITY = "quality", "cost_usd", "utility"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEvidence:
    """What the gate decides on.

    Attributes
    ----------
    log : logged ``quality`` and ``cost_usd``; of requests that the challenger was not fitted on.
    models : K candidates.
    challenger, champion : (n, K) action probabilities on these requests.
    q_hat : outcome to (n, K) predictions that did not see the row; empty for none.
    predicted_quality : (n, K) what the challenger itself predicts, for the calibration check; None skips it.
    segments : dimension to (n,) label, such as ``domain``.
    schema_problems : from :func:`schema_problems`.
    """

    log: LoggedFeedback
    models: tuple[str, ...]
    challenger: FloatArray
    champion: FloatArray
    q_hat: Mapping[str, FloatArray] = field(default_factory=dict)
    predicted_quality: FloatArray | None = None
    segments: Mapping[str, Sequence[object]] = field(default_factory=dict)
    schema_problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that the outcomes are there."""
        missing = {QUALITY, COST} - set(self.log.outcomes)
        if missing:
            raise InvalidInputError(f"the gate needs {sorted(missing)} in the log: it has {sorted(self.log.outcomes)}")

    def valued(self, quality_per_usd: float) -> "GateEvidence":
        """Give the evidence with the outcome ``utility`` = quality - ``quality_per_usd`` x cost_usd."""
        outcomes = dict(self.log.outcomes)
        outcomes[UTILITY] = outcomes[QUALITY] - quality_per_usd * outcomes[COST]
        q_hat = dict(self.q_hat)
        if q_hat:
            q_hat = {name: table for name, table in q_hat.items() if name in outcomes}
            q_hat[UTILITY] = q_hat[QUALITY] - quality_per_usd * q_hat[COST]
        return replace(self, log=replace(self.log, outcomes=outcomes), q_hat=q_hat)

    def only(self, outcome: str, rows: NDArray[np.bool_] | None = None) -> "Comparison":
        """Give challenger and champion on one outcome, on some of the requests."""
        log = replace(self.log, outcomes={outcome: self.log.outcomes[outcome]})
        q_hat = self.q_hat.get(outcome)
        if rows is None:
            return Comparison(log=log, challenger=self.challenger, champion=self.champion, q_hat=q_hat)
        return Comparison(
            log=log.select(rows),
            challenger=self.challenger[rows],
            champion=self.champion[rows],
            q_hat=None if q_hat is None else q_hat[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two policies on one outcome.

    Attributes
    ----------
    log : with that outcome alone.
    challenger, champion : (n, K) action probabilities.
    q_hat : (n, K) predictions; None for none.
    """

    log: LoggedFeedback
    challenger: FloatArray
    champion: FloatArray
    q_hat: FloatArray | None

    def difference(self, options: EstimateOptions) -> Evaluation:
        """Evaluate challenger minus champion."""
        found = evaluate_difference(self.log, self.challenger, self.champion, self.q_hat, options)
        return next(iter(found.values()))

    def value(self, options: EstimateOptions) -> Evaluation:
        """Evaluate the challenger."""
        return next(iter(evaluate(self.log, self.challenger, self.q_hat, options).values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCheck:
    """One thing that was asked of the challenger.

    Attributes
    ----------
    name : ``utility``, ``floor domain=coding``, ``budget``, ``calibration``, ``schema``.
    passed : whether it was shown.
    estimate, bound : the figure, and its lower (for cost: upper) bound at this look; NaN where there is none.
    limit : what the bound was held against.
    reason : in words.
    """

    name: str
    passed: bool
    estimate: float
    bound: float
    limit: float
    reason: str

    @classmethod
    def unknown(cls, name: str, limit: float, found: Evaluation) -> "GateCheck":
        """Give the check that the log cannot answer."""
        why = "; ".join(found.judgement.reasons) or "no estimate with an interval"
        return cls(
            name=name,
            passed=False,
            estimate=math.nan,
            bound=math.nan,
            limit=limit,
            reason=f"{name} cannot be known from this log: {why}",
        )


def check_lower(name: str, found: Evaluation, limit: float, min_ess: float) -> GateCheck:
    """Check that the lower bound of an estimate lies above a limit."""
    best = found.best
    if best is None or best.interval is None:
        return GateCheck.unknown(name, limit, found)
    low = best.interval[0]
    enough = best.estimator == "exact" or best.ess >= min_ess
    passed = low > limit and enough
    verb = "above" if low > limit else "not above"
    reason = f"{name} is {best.value:+.4f} with lower bound {low:+.4f}, {verb} {limit:+.4f}"
    if not enough:
        reason = f"{name}: effective sample size {best.ess:.0f} is below {min_ess:.0f}, too few to decide"
    return GateCheck(name=name, passed=passed, estimate=best.value, bound=low, limit=limit, reason=reason)


def check_propensities(found: Evaluation, accept_observational: bool) -> GateCheck:
    """Check that the logged probabilities are logged ones, and do not contradict what was chosen and earned."""
    worst, problems = 0.0, []
    for figures in found.diagnostics:
        if figures.observational and not accept_observational:
            problems.append("propensities were estimated from the log (observational), which the rules do not accept")
        signs = {"mean weight": figures.mean_weight_z, "dr against snips": figures.disagreement_z}
        for name, z in signs.items():
            worst = max(worst, abs(z))
            if abs(z) > MAX_Z:
                problems.append(f"{name} is off by {z:.1f} standard errors: propensities or their support are wrong")
    reason = "; ".join(dict.fromkeys(problems)) or f"propensities are logged, and off by at most {worst:.1f} errors"
    return GateCheck(name="propensities", passed=not problems, estimate=worst, bound=worst, limit=MAX_Z, reason=reason)


def check_budget(found: Evaluation, budget_usd: float) -> GateCheck:
    """Check that the upper bound of the cost per request lies within the budget."""
    best = found.best
    if best is None or best.interval is None:
        return GateCheck.unknown("budget", budget_usd, found)
    high = best.interval[1]
    verb = "within" if high <= budget_usd else "above"
    return GateCheck(
        name="budget",
        passed=high <= budget_usd,
        estimate=best.value,
        bound=high,
        limit=budget_usd,
        reason=f"cost is {best.value:.6f} dollars per request with upper bound {high:.6f}, {verb} {budget_usd:.6f}",
    )


def check_calibration(evidence: GateEvidence, limit: float) -> GateCheck:
    """Check that the challenger's predicted quality is what was observed, up to a limit."""
    assert evidence.predicted_quality is not None
    found = model_reliability(evidence.log, evidence.predicted_quality, QUALITY)
    error = found.debiased_error
    verb = "within" if error <= limit else "above"
    return GateCheck(
        name="calibration",
        passed=error <= limit,
        estimate=error,
        bound=error,
        limit=limit,
        reason=f"predicted quality is off by {error:.3f} (root mean square over bins), {verb} {limit:.3f}",
    )


def check_schema(problems: tuple[str, ...]) -> GateCheck:
    """Check that the challenger can be read and speaks of the same candidates as the log."""
    reason = "; ".join(problems) if problems else "the bundle's schema and candidates fit"
    return GateCheck(
        name="schema", passed=not problems, estimate=math.nan, bound=math.nan, limit=math.nan, reason=reason
    )


def schema_problems(manifest: Mapping[str, Any], models: Sequence[str], schema_version: int) -> tuple[str, ...]:
    """Compare a bundle's manifest with what will read it and with the log that it is judged on.

    Parameters
    ----------
    manifest : as :func:`arbiter.bundle.load_bundle` gives it.
    models : the log's candidates.
    schema_version : that this version reads.

    Returns
    -------
    problems : in words; empty where there are none.
    """
    out = []
    if manifest.get("schema_version") != schema_version:
        out.append(f"the bundle has schema {manifest.get('schema_version')}, this version reads {schema_version}")
    unknown = sorted(set(manifest.get("models", ())) - set(models))
    if unknown:
        out.append(f"candidates {unknown} are not in the log, so nothing is known of them")
    dropped = sorted(set(models) - set(manifest.get("models", ())))
    if dropped:
        out.append(f"the log's candidates {dropped} are not in the bundle")
    return tuple(out)
