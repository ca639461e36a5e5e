"""The tables of a plan as they were agreed on: a slip in one changes every plan."""

import pytest

from arbiter.planning.gaps import ACTIONS
from arbiter.planning.techniques import TECHNIQUES
from arbiter.planning.use_case import Limits, UseCase, Volume
from arbiter.planning.workloads import STRATEGY_ROWS, WORKLOADS, strategy_of, wanted_availability
from arbiter.vocabulary import CostTechnique, GapSeverity, Strategy, Workload


@pytest.mark.parametrize(
    ("workload", "wish", "sensitivity", "strategy"),
    [
        ("interactive", 3.0, 0.3, "balanced"),
        ("batch", None, 0.8, "cost_optimized"),
        ("streaming", 0.5, 0.2, "low_latency"),
        ("real_time", 1.0, 0.1, "low_latency"),
        ("background", None, 0.9, "cost_optimized"),
        ("scheduled", None, 0.7, "cost_optimized"),
        ("on_demand", 5.0, 0.4, "balanced"),
        ("burst", 2.0, 0.2, "high_availability"),
    ],
)
def test_workloads(workload: str, wish: float | None, sensitivity: float, strategy: str) -> None:
    """Wish of half the answers in seconds, sensitivity to cost, and the strategy where nothing else decides."""
    row = WORKLOADS[Workload(workload)]
    assert (row.latency_s, row.cost_sensitivity, row.strategy) == (wish, sensitivity, Strategy(strategy))
    case = UseCase(name="x", workload=Workload(workload), volume=Volume(per_day=1.0))
    assert strategy_of(case) == strategy


def test_a_strategy_is_decided_by_criticality_then_latency_then_cost() -> None:
    """From 8 on quality comes first; below two seconds latency; above .6 cost; all else as the workload has it."""

    def decided(workload: Workload, criticality: int, limit: float | None) -> Strategy:
        limits = Limits(max_latency_s=limit)
        volume = Volume(per_day=1.0)
        return strategy_of(UseCase(name="x", workload=workload, volume=volume, limits=limits, criticality=criticality))

    assert decided(Workload.BATCH, 8, 1.0) is Strategy.QUALITY_FIRST
    assert decided(Workload.BATCH, 7, 1.9) is Strategy.LOW_LATENCY
    assert decided(Workload.BATCH, 7, 2.0) is Strategy.COST_OPTIMIZED


def test_fallbacks_by_strategy() -> None:
    """How many each keeps."""
    assert {str(strategy): kept for strategy, kept in STRATEGY_ROWS.items()} == {
        "cost_optimized": 1,
        "quality_first": 2,
        "low_latency": 2,
        "balanced": 2,
        "high_availability": 3,
        "privacy_first": 1,
        "compliance_required": 1,
    }


def test_availability_by_criticality() -> None:
    """Where the use case names none."""

    def wanted(criticality: int) -> float:
        case = UseCase(name="x", workload=Workload.BATCH, volume=Volume(per_day=1.0), criticality=criticality)
        return wanted_availability(case)

    assert [wanted(c) for c in range(1, 11)] == [0.99, 0.99, 0.995, 0.995, 0.999, 0.999, 0.999, 0.9995, 0.9999, 0.9999]


def test_techniques() -> None:
    """Published ranges, effort, and days of work."""
    assert {name: (row.low, row.high, row.effort, row.days) for name, row in TECHNIQUES.items()} == {
        CostTechnique.PROMPT_CACHING: (0.5, 0.9, "low", 2),
        CostTechnique.BATCH: (0.2, 0.5, "medium", 10),
        CostTechnique.TIERED_ROUTING: (0.3, 0.6, "high", 30),
        CostTechnique.OUTPUT_LIMITS: (0.1, 0.3, "low", 2),
        CostTechnique.PROMPT_COMPRESSION: (0.15, 0.4, "medium", 10),
        CostTechnique.SEMANTIC_CACHING: (0.4, 0.8, "high", 30),
        CostTechnique.VOLUME_DISCOUNTS: (0.1, 0.3, "low", 2),
        CostTechnique.RESERVED_CAPACITY: (0.2, 0.4, "low", 2),
    }


def test_what_to_do_about_a_gap() -> None:
    """By its severity."""
    assert ACTIONS == {
        GapSeverity.NONE: "nothing to do",
        GapSeverity.MINOR: "monitor",
        GapSeverity.MODERATE: "plan mitigation",
        GapSeverity.SIGNIFICANT: "work around",
        GapSeverity.BLOCKING: "find another model",
    }
