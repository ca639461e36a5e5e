"""What happens when a choice is carried out, and who judges it."""

from enum import StrEnum


class FallbackReason(StrEnum):
    """Why a call was not the end of a request.

    The last two are no failures: ``not_needed`` is a call beside the one whose answer was taken, ``cancelled`` one
    whose caller went away.
    """

    PRIMARY_UNAVAILABLE = "primary_unavailable"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    ERROR = "error"
    QUALITY_BELOW_THRESHOLD = "quality_below_threshold"
    SAFETY_VIOLATION = "safety_violation"
    BUDGET_EXCEEDED = "budget_exceeded"
    CIRCUIT_OPEN = "circuit_open"
    NOT_NEEDED = "not_needed"
    CANCELLED = "cancelled"


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
    PREFERENCE = "preference"
