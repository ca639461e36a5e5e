"""Every closed set of names that arbiter uses, each defined once.

The members are strings, so they read and write as plain text in files, tables and JSON. Sets with an order (how
complex, how risky) compare by that order, not by the alphabet.
"""

from enum import StrEnum
from functools import cache
from typing import Self


@cache
def _ranks(kind: type[StrEnum]) -> dict[str, int]:
    return {member: rank for rank, member in enumerate(kind)}


class OrderedStrEnum(StrEnum):
    """A string enum whose members compare in the order in which they are defined."""

    @property
    def rank(self) -> int:
        """Position in the definition, from 0."""
        return _ranks(type(self))[self]

    def __lt__(self, other: str) -> bool:
        return self.rank < type(self)(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= type(self)(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > type(self)(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= type(self)(other).rank

    @classmethod
    def at(cls, rank: int) -> Self:
        """Give the member at ``rank``."""
        return list(cls)[rank]


# What a request is ------------------------------------------------------------------------------------------------


class Complexity(OrderedStrEnum):
    """What it takes to answer well."""

    TRIVIAL = "trivial"
    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"
    EXPERT = "expert"


class Risk(OrderedStrEnum):
    """What can go wrong: harm to others, or stake of the asker; the greater of the two."""

    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Domain(StrEnum):
    """The knowledge that a good answer needs; ``general`` is also the abstention."""

    CODING = "coding"
    MATH = "math"
    SCIENCE = "science"
    MEDICINE = "medicine"
    LAW = "law"
    FINANCE = "finance"
    BUSINESS = "business"
    HUMANITIES = "humanities"
    DATA_ANALYSIS = "data_analysis"
    CREATIVE_WRITING = "creative_writing"
    TRANSLATION = "translation"
    CONVERSATION = "conversation"
    GENERAL = "general"


class TaskType(StrEnum):
    """The kind of work, for cold-start tables; follows from domain, complexity, size and modality."""

    COMPLEX_CODE = "complex_code"
    SIMPLE_CODE = "simple_code"
    MATH_LOGIC = "math_logic"
    LONG_DOCUMENT = "long_document"
    CHAT_SIMPLE = "chat_simple"
    CREATIVE = "creative"
    DATA_ANALYSIS = "data_analysis"
    MULTIMODAL = "multimodal"


class ProfileSource(StrEnum):
    """Which estimator made a task profile."""

    LEARNED = "learned"
    KEYWORDS = "keywords"
    HEURISTIC = "heuristic"
    LLM = "llm"
    USER = "user"


class Workload(StrEnum):
    """How requests of a use case arrive and how soon they are wanted."""

    INTERACTIVE = "interactive"
    BATCH = "batch"
    STREAMING = "streaming"
    REAL_TIME = "real_time"
    BACKGROUND = "background"
    SCHEDULED = "scheduled"
    ON_DEMAND = "on_demand"
    BURST = "burst"


# What a candidate is ----------------------------------------------------------------------------------------------


class Tier(StrEnum):
    """The class of a model by power and price."""

    FRONTIER = "frontier"
    BALANCED = "balanced"
    SPECIALIZED = "specialized"
    FAST = "fast"
    LOCAL = "local"


class Category(StrEnum):
    """What a model is made for."""

    FRONTIER = "frontier"
    BALANCED = "balanced"
    FAST = "fast"
    SPECIALIZED = "specialized"
    OPEN_SOURCE = "open_source"
    EMBEDDING = "embedding"
    VISION = "vision"
    AUDIO = "audio"
    MULTIMODAL = "multimodal"
    FINE_TUNED = "fine_tuned"


class Status(StrEnum):
    """Whether a model can be called now."""

    AVAILABLE = "available"
    DEGRADED = "degraded"
    RATE_LIMITED = "rate_limited"
    DEPRECATED = "deprecated"
    UNAVAILABLE = "unavailable"
    MAINTENANCE = "maintenance"


class Capability(StrEnum):
    """Something that a request can need and a model can have."""

    TOOLS = "tools"
    VISION = "vision"
    AUDIO = "audio"
    JSON_MODE = "json_mode"
    REASONING = "reasoning"
    CODING = "coding"
    ANALYSIS = "analysis"
    CREATIVITY = "creativity"
    MULTIMODAL = "multimodal"
    CLASSIFICATION = "classification"
    EXTRACTION = "extraction"
    SIMPLE_QA = "simple_qa"
    DOMAIN_SPECIFIC = "domain_specific"
    PRIVACY_SENSITIVE = "privacy_sensitive"
    OFFLINE = "offline"
    LONG_CONTEXT = "long_context"
    MULTILINGUAL = "multilingual"


# How a choice is made ---------------------------------------------------------------------------------------------


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


# What happens when it is carried out ------------------------------------------------------------------------------


class FallbackReason(StrEnum):
    """Why a call was not the end of a request."""

    PRIMARY_UNAVAILABLE = "primary_unavailable"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    ERROR = "error"
    QUALITY_BELOW_THRESHOLD = "quality_below_threshold"
    SAFETY_VIOLATION = "safety_violation"
    BUDGET_EXCEEDED = "budget_exceeded"
    CIRCUIT_OPEN = "circuit_open"


class Aggregation(StrEnum):
    """How several answers become one."""

    MAJORITY_VOTE = "majority_vote"
    WEIGHTED_VOTE = "weighted_vote"
    BEST_OF_N = "best_of_n"
    CONCATENATE = "concatenate"
    SYNTHESIZE = "synthesize"
    FIRST_VALID = "first_valid"


class BreakerState(StrEnum):
    """State of a circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class FeedbackSource(StrEnum):
    """Who judged an answer."""

    HUMAN = "human"
    JUDGE = "judge"
    IMPLICIT = "implicit"
    CODE = "code"


# What a plan is made of -------------------------------------------------------------------------------------------


class CostTechnique(StrEnum):
    """A way to spend less."""

    PROMPT_CACHING = "prompt_caching"
    BATCH = "batch"
    TIERED_ROUTING = "tiered_routing"
    OUTPUT_LIMITS = "output_limits"
    PROMPT_COMPRESSION = "prompt_compression"
    SEMANTIC_CACHING = "semantic_caching"
    VOLUME_DISCOUNTS = "volume_discounts"
    RESERVED_CAPACITY = "reserved_capacity"


class ResiliencePattern(StrEnum):
    """A way to stay up."""

    ACTIVE_PASSIVE = "active_passive"
    ACTIVE_ACTIVE = "active_active"
    CIRCUIT_BREAKER = "circuit_breaker"
    BULKHEAD = "bulkhead"
    RETRY_BACKOFF = "retry_backoff"
    TIMEOUT = "timeout"
    FALLBACK = "fallback"
    HEDGE = "hedge"


class VendorRisk(OrderedStrEnum):
    """How much depends on one vendor."""

    MINIMAL = "minimal"
    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"
    CRITICAL = "critical"


class GapSeverity(OrderedStrEnum):
    """How much a missing capability matters."""

    NONE = "none"
    MINOR = "minor"
    MODERATE = "moderate"
    SIGNIFICANT = "significant"
    BLOCKING = "blocking"


class Urgency(OrderedStrEnum):
    """How soon a model should be replaced."""

    NOT_NEEDED = "not_needed"
    OPTIONAL = "optional"
    RECOMMENDED = "recommended"
    IMPORTANT = "important"
    CRITICAL = "critical"


class BudgetKind(StrEnum):
    """How money is set aside."""

    FIXED = "fixed"
    PERCENTAGE = "percentage"
    TIERED = "tiered"
    PAY_AS_YOU_GO = "pay_as_you_go"
    RESERVED = "reserved"
    HYBRID = "hybrid"
