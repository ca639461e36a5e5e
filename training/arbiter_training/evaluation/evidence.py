"""What the log can and cannot show, as frozen records: weights, feedback, propensities, unrecorded causes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.ope import (
    Diagnostics,
    LoggedFeedback,
    Reliability,
    diagnose_log,
    sensitivity_bounds,
    student_t_quantile,
    tipping_gamma,
)

FloatArray = NDArray[np.float64]

FIRST_BIN = -33
"""Power of two at which the first bin of :attr:`arbiter.ope.Diagnostics.weight_histogram` begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEvidence:
    """How much of a policy the log shows; of the outcome quality.

    Attributes
    ----------
    exact : whether all that the policy chooses was scored with certainty, so that nothing is weighted.
    n, units, ess : requests; independent sessions; effective sample size in requests.
    max_weight, mean_weight, mean_weight_z : largest weight; mean weight, 1 in expectation; its distance from 1 in
        errors.
    heaviest_percent : share of all weight on the heaviest hundredth of the requests, in [0, 1].
    outside : share of the policy's traffic that the log cannot show, in [0, 1].
    min_propensity : least logged probability.
    model_r2 : of the predicted quality on logged cells; NaN without a model.
    weights : (least weight of the bin, cells in it), bins by powers of two.
    """

    exact: bool
    n: int
    units: int
    ess: float
    max_weight: float
    mean_weight: float
    mean_weight_z: float
    heaviest_percent: float
    outside: float
    min_propensity: float
    model_r2: float
    weights: tuple[tuple[float, int], ...]

    @classmethod
    def of(cls, found: Diagnostics) -> "PolicyEvidence":
        """Take over diagnostics."""
        held = np.flatnonzero(found.weight_histogram)
        bins = range(held[0], held[-1] + 1) if held.size else range(0)
        return cls(
            exact=found.exact,
            n=found.n,
            units=found.units,
            ess=found.ess,
            max_weight=found.max_weight,
            mean_weight=found.mean_weight,
            mean_weight_z=found.mean_weight_z,
            heaviest_percent=found.top_percent_share,
            outside=found.unsupported,
            min_propensity=found.min_propensity,
            model_r2=found.model_r2,
            weights=tuple((2.0 ** (j + FIRST_BIN), int(found.weight_histogram[j])) for j in bins),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEvidence:
    """What the log holds of one model.

    Attributes
    ----------
    model : its name.
    logged, answered : answers, and those among them with a judged quality.
    mean_weight, low, high : mean of 1{chosen} / propensity, 1 in expectation where propensities are right, and its 95 %
        interval; None unless one model was asked per request, by chance.
    """

    model: str
    logged: int
    answered: int
    mean_weight: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedLogging:
    """Propensities that were estimated from the log, against the choices that were made.

    Attributes
    ----------
    foreseen : share of the choices that follow from the request by a rule.
    clipped : share whose probability was raised to the least one.
    bins : (mean estimated probability, observed frequency, pairs of request and model), by tenths.
    """

    foreseen: float
    clipped: float
    bins: tuple[tuple[float, float, int], ...]

    @classmethod
    def of(cls, reliability: Reliability, foreseen: float, clipped: float) -> "EstimatedLogging":
        """Take over what estimation found."""
        held = np.flatnonzero(reliability.count)
        rows = zip(reliability.predicted[held], reliability.observed[held], reliability.count[held], strict=True)
        bins = tuple((float(p), float(o), int(c)) for p, o, c in rows)
        return cls(foreseen=foreseen, clipped=clipped, bins=bins)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvidence:
    """What the log holds, whatever the policy.

    Attributes
    ----------
    models : one per model.
    feedback_p_value : of "feedback comes equally often for every model"; 1 where all or nothing was judged.
    estimated : None where propensities were logged, or none were needed.
    """

    models: tuple[ModelEvidence, ...]
    feedback_p_value: float
    estimated: EstimatedLogging | None = None

    @property
    def feedback_share(self) -> float:
        """Share of the logged answers whose quality is known."""
        return sum(m.answered for m in self.models) / max(sum(m.logged for m in self.models), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaBound:
    """What a policy's quality may be where unrecorded causes changed the odds of each choice by up to ``gamma``.

    Attributes
    ----------
    gamma : factor on the odds, at least 1.
    low, high : least and largest estimate.
    interval_low, interval_high : with sampling error, 95 %.
    """

    gamma: float
    low: float
    high: float
    interval_low: float
    interval_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """One policy under unrecorded causes.

    Attributes
    ----------
    policy : name of its row.
    bounds : by rising gamma.
    reference : mean quality of the log itself, which no unrecorded cause can bias.
    tipping : least gamma at which the policy may be no better or worse than the log; infinity if even 64 is too little.
    """

    policy: str
    bounds: tuple[GammaBound, ...]
    reference: float
    tipping: float


def log_evidence(log: LoggedFeedback, models: tuple[str, ...], estimated: EstimatedLogging | None) -> LogEvidence:
    """Describe a log.

    Parameters
    ----------
    log : with the outcome ``quality``.
    models : K names.
    estimated : how its propensities were estimated, if they were.
    """
    found = diagnose_log(log, "quality")
    by_chance = log.cells_per_row == 1 and not bool((log.inclusion == 1.0).all())
    reach = student_t_quantile(0.975, max(log.n - 1.0, 1.0))
    rows = []
    for a, model in enumerate(models):
        mean, error = float(found.mean_weight[a]), float(found.stderr[a])
        ends = (mean, mean - reach * error, mean + reach * error) if by_chance else (None, None, None)
        rows.append(
            ModelEvidence(
                model=model,
                logged=int(found.logged[a]),
                answered=int(found.answered[a]),
                mean_weight=ends[0],
                low=ends[1],
                high=ends[2],
            )
        )
    return LogEvidence(models=tuple(rows), feedback_p_value=found.feedback_p_value, estimated=estimated)


def sensitivities(
    log: LoggedFeedback, policies: Mapping[str, FloatArray], q_hat: FloatArray | None
) -> tuple[Sensitivity, ...]:
    """Show what unrecorded causes could do to each policy's quality.

    Parameters
    ----------
    log : whose propensities were estimated; empty otherwise.
    policies : name to (n, K) action probabilities; the log can tell something of each.
    q_hat : (n, K) predicted quality.
    """
    if not log.observational:
        return ()
    earned = float(np.nanmean(log.outcomes["quality"]))
    return tuple(_sensitivity(log, name, probs, q_hat, earned) for name, probs in policies.items())


def _sensitivity(
    log: LoggedFeedback, name: str, probs: FloatArray, q_hat: FloatArray | None, earned: float
) -> Sensitivity:
    bounds = tuple(
        GammaBound(
            gamma=b.gamma, low=b.snips[0], high=b.snips[1], interval_low=b.interval[0], interval_high=b.interval[1]
        )
        for b in sensitivity_bounds(log, probs, "quality", q_hat)
    )
    tipping = tipping_gamma(log, probs, "quality", earned, q_hat)
    return Sensitivity(policy=name, bounds=bounds, reference=earned, tipping=tipping)
