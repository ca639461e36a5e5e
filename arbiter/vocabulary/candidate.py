"""What a candidate is."""

from enum import StrEnum


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
