"""What a request is."""

from enum import StrEnum

from arbiter.vocabulary.ordered import OrderedStrEnum


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
