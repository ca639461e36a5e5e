"""When a canary stops: what counts as worse, and how sure one must be."""

import math
from dataclasses import dataclass

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.experiments.arm_sums import Means
from arbiter.ope.confidence_sequence import boundary, tightest_rho

METRICS = ("quality", "failures", "cost_usd", "latency_s")
"""Of a request: judged quality, whether a call failed, what its calls did cost, time to its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """What the challenger must not do, and the chance of stopping one that does not.

    Attributes
    ----------
    quality : quality points by which the challenger may be worse; None does not look.
    failures : share of requests by which more may have a failed call; None does not look.
    cost_usd, latency_s : share of the control's mean by which the challenger's may be greater, such as 0.1; None does
        not look.
    alpha : chance of stopping a challenger that is within all of these, over all looks for ever.
    planned_units : units (users, sessions or requests, of both arms) at which the bounds are tightest.
    least_units : units of each arm before anything is concluded: the bounds are asymptotic.
    """

    quality: float | None = 0.0
    failures: float | None = 0.0
    cost_usd: float | None = None
    latency_s: float | None = None
    alpha: float = 0.05
    planned_units: int = 1_000
    least_units: int = 30

    def __post_init__(self) -> None:
        margins = self.margins()
        if not margins or not all(0.0 <= margin < math.inf for margin in margins.values()):
            raise InvalidInputError(f"guards must have a margin from 0 up for one metric at least, got {margins}")
        if not 0.0 < self.alpha < 0.5 or self.planned_units < 1 or self.least_units < 2:
            raise InvalidInputError(
                f"alpha {self.alpha}, planned_units {self.planned_units}, least_units {self.least_units}: expected a "
                "chance below 0.5, 1 or more, 2 or more"
            )

    def margins(self) -> dict[str, float]:
        """Give the metrics that are looked at, with their margins."""
        found = {name: getattr(self, name) for name in METRICS}
        return {name: margin for name, margin in found.items() if margin is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """By how much the challenger is worse than a guard allows, in the metric's unit; above 0 is worse.

    Attributes
    ----------
    metric : see ``METRICS``.
    value : estimate.
    interval : holds the truth at every look at once; infinite where too little is known.
    """

    metric: str
    value: float
    interval: tuple[float, float]


def harm(metric: str, guards: Guards, control: Means, challenger: Means) -> Harm:
    """Compare the arms' means of one metric.

    Parameters
    ----------
    metric : see ``METRICS``.
    guards : margins and error.
    control, challenger : of the arms.

    Notes
    -----
    The difference of two ratio means (Cochran 1977, ch. 6, units as clusters) is asymptotically a mean over all U units
    of both arms, so its running value follows the asymptotic confidence sequence of Waudby-Smith et al. (2021):
    reach = se sqrt(U) boundary(U). One-sided at alpha / (number of guards), so that all guards together hold. Theory
    and code part where a unit comes back: its requests join its earlier ones, so the terms of the sequence are not
    final when they are first looked at.
    """
    margin = guards.margins()[metric]
    if metric == "quality":
        value, scale = control.mean - challenger.mean - margin, 1.0
    elif metric == "failures":
        value, scale = challenger.mean - control.mean - margin, 1.0
    else:
        scale = 1.0 + margin
        value = challenger.mean - scale * control.mean
    if min(control.units, challenger.units) < guards.least_units:
        return Harm(metric=metric, value=value, interval=(-math.inf, math.inf))
    units = float(control.units + challenger.units)
    alpha = 2.0 * guards.alpha / len(guards.margins())
    reach = math.sqrt(challenger.variance + scale**2 * control.variance) * math.sqrt(units)
    reach *= float(boundary(np.array(units), tightest_rho(guards.planned_units, alpha), alpha))
    return Harm(metric=metric, value=value, interval=(value - reach, value + reach))
