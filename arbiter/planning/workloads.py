"""What workloads and strategies ask for. Every value is a default; a use case's own table overrides it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from arbiter.planning.use_case import UseCase
from arbiter.vocabulary import Strategy, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadRow:
    """A kind of workload.

    Attributes
    ----------
    latency_s : what is wished; None can wait. Of the first token for ``streaming``.
    cost_sensitivity : in [0, 1].
    strategy : where neither criticality, latency nor cost decides.
    """

    latency_s: float | None
    cost_sensitivity: float
    strategy: Strategy


WORKLOADS: Mapping[Workload, WorkloadRow] = MappingProxyType(
    {
        Workload.INTERACTIVE: WorkloadRow(latency_s=3.0, cost_sensitivity=0.3, strategy=Strategy.BALANCED),
        Workload.BATCH: WorkloadRow(latency_s=None, cost_sensitivity=0.8, strategy=Strategy.COST_OPTIMIZED),
        Workload.STREAMING: WorkloadRow(latency_s=0.5, cost_sensitivity=0.2, strategy=Strategy.LOW_LATENCY),
        Workload.REAL_TIME: WorkloadRow(latency_s=1.0, cost_sensitivity=0.1, strategy=Strategy.LOW_LATENCY),
        Workload.BACKGROUND: WorkloadRow(latency_s=None, cost_sensitivity=0.9, strategy=Strategy.COST_OPTIMIZED),
        Workload.SCHEDULED: WorkloadRow(latency_s=None, cost_sensitivity=0.7, strategy=Strategy.COST_OPTIMIZED),
        Workload.ON_DEMAND: WorkloadRow(latency_s=5.0, cost_sensitivity=0.4, strategy=Strategy.BALANCED),
        Workload.BURST: WorkloadRow(latency_s=2.0, cost_sensitivity=0.2, strategy=Strategy.HIGH_AVAILABILITY),
    }
)

STRATEGY_ROWS: Mapping[Strategy, int] = MappingProxyType(
    {
        Strategy.COST_OPTIMIZED: 1,
        Strategy.QUALITY_FIRST: 2,
        Strategy.LOW_LATENCY: 2,
        Strategy.BALANCED: 2,
        Strategy.HIGH_AVAILABILITY: 3,
        Strategy.PRIVACY_FIRST: 1,
        Strategy.COMPLIANCE_REQUIRED: 1,
    }
)
"""The strategies of a plan, and how many fallbacks each keeps."""

CRITICAL_FROM = 8
"""Criticality from which quality comes first, and a fallback of another vendor before one of the same."""

FAST_BELOW_S = 2.0
SENSITIVE_ABOVE = 0.6

AVAILABILITY = ((9, 0.9999), (8, 0.9995), (5, 0.999), (3, 0.995), (1, 0.99))
"""Availability that a criticality asks of the chain where the use case names none: 4 minutes to 7 hours a month."""


def strategy_of(case: UseCase) -> Strategy:
    """Give the strategy: as named, else by criticality, then latency, then cost sensitivity, then workload."""
    row, limit = WORKLOADS[case.workload], case.limits.max_latency_s
    if case.strategy is not None:
        return case.strategy
    if case.criticality >= CRITICAL_FROM:
        return Strategy.QUALITY_FIRST
    if limit is not None and limit < FAST_BELOW_S:
        return Strategy.LOW_LATENCY
    return Strategy.COST_OPTIMIZED if row.cost_sensitivity > SENSITIVE_ABOVE else row.strategy


def latency_limit_s(case: UseCase) -> float | None:
    """Give the limit of the use case, else what its workload wishes."""
    limit = case.limits.max_latency_s
    return WORKLOADS[case.workload].latency_s if limit is None else limit


def wanted_availability(case: UseCase) -> float:
    """Give the availability that the whole chain must reach."""
    if case.limits.min_availability is not None:
        return case.limits.min_availability
    return next(wanted for criticality, wanted in AVAILABILITY if case.criticality >= criticality)


def other_vendor_first(case: UseCase) -> bool:
    """Tell whether a fallback of another vendor comes before one of the same, whatever their worth."""
    asked = case.limits.min_availability is not None or case.criticality >= CRITICAL_FROM
    return asked or strategy_of(case) is Strategy.HIGH_AVAILABILITY
