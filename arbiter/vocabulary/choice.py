"""How a choice is made."""

from enum import StrEnum

from arbiter.vocabulary.ordered import OrderedStrEnum


class Objective(StrEnum):
    """What a decision weighs."""

    BALANCED = "balanced"
    QUALITY = "quality"
    COST = "cost"
    LATENCY = "latency"
    LEARNED = "learned"


class ExecutionPlan(StrEnum):
    """What is done with the choice."""

    SINGLE = "single"
    FALLBACK_CHAIN = "fallback_chain"
    CASCADE = "cascade"
    RACE = "race"
    ENSEMBLE = "ensemble"
    ROUND_ROBIN = "round_robin"
    REDUNDANT = "redundant"


class ConstraintPreset(StrEnum):
    """A named set of constraints."""

    NONE = "none"
    PRIVACY = "privacy"
    COMPLIANCE = "compliance"
    HIGH_AVAILABILITY = "high_availability"


class Strategy(StrEnum):
    """A named row of objective, execution plan and constraint preset."""

    SINGLE_BEST = "single_best"
    FALLBACK_CHAIN = "fallback_chain"
    ENSEMBLE_VOTING = "ensemble_voting"
    ENSEMBLE_WEIGHTED = "ensemble_weighted"
    PARALLEL_RACE = "parallel_race"
    CASCADE = "cascade"
    ROUND_ROBIN = "round_robin"
    LEAST_COST = "least_cost"
    LOWEST_LATENCY = "lowest_latency"
    HIGHEST_QUALITY = "highest_quality"
    COST_FIRST = "cost_first"
    QUALITY_FIRST = "quality_first"
    LATENCY_FIRST = "latency_first"
    BALANCED = "balanced"
    REDUNDANT = "redundant"
    COST_OPTIMIZED = "cost_optimized"
    LOW_LATENCY = "low_latency"
    HIGH_AVAILABILITY = "high_availability"
    PRIVACY_FIRST = "privacy_first"
    COMPLIANCE_REQUIRED = "compliance_required"


class Criterion(StrEnum):
    """What a candidate is scored on."""

    QUALITY = "quality"
    SAFETY = "safety"
    COST = "cost"
    LATENCY = "latency"
    RELIABILITY = "reliability"
    CAPABILITY = "capability"
    CONSISTENCY = "consistency"
    PRIVACY = "privacy"
    COMPLIANCE = "compliance"
    AVAILABILITY = "availability"


class ConfidenceLevel(OrderedStrEnum):
    """How sure a decision is, in words."""

    VERY_LOW = "very_low"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very_high"

    @classmethod
    def of(cls, confidence: float) -> "ConfidenceLevel":
        """Name a confidence in [0, 1]: very high from .90, high from .75, medium from .50, low from .25."""
        floors = ((0.90, cls.VERY_HIGH), (0.75, cls.HIGH), (0.50, cls.MEDIUM), (0.25, cls.LOW))
        return next((level for floor, level in floors if confidence >= floor), cls.VERY_LOW)
