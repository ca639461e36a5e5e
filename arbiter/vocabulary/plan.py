"""What a plan is made of."""

from enum import StrEnum

from arbiter.vocabulary.ordered import OrderedStrEnum


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
