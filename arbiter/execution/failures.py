"""The one table that says what a failed call means: whether to ask again, whom, and how long to leave it alone.

Its rows are litellm's exception classes by name, so that it can be read without litellm. Reasons and cooldowns are
system A's, save that a request which is itself to blame (too long, filtered, malformed) rests nobody: one asker's
prompt would otherwise take a model from all others for an hour.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from arbiter.vocabulary import FallbackReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What follows from a failure.

    Attributes
    ----------
    reason : in arbiter's words.
    retriable : whether the same deployment may be asked again for this request.
    cooldown_s : how long the deployment should rest, where the provider names no time itself; None where the request is
        to blame and the deployment is not.
    falls_back : whether another candidate is asked. Not after a content filter spoke: who was refused by one provider
        is not carried to the next, safety goes before performance.
    """

    reason: FallbackReason
    retriable: bool
    cooldown_s: float | None
    falls_back: bool = True


RATE_LIMITED = Rule(reason=FallbackReason.RATE_LIMITED, retriable=True, cooldown_s=60.0)
TIMED_OUT = Rule(reason=FallbackReason.TIMEOUT, retriable=True, cooldown_s=30.0)
UNAVAILABLE = Rule(reason=FallbackReason.PRIMARY_UNAVAILABLE, retriable=True, cooldown_s=300.0)
SHUT_OUT = Rule(reason=FallbackReason.PRIMARY_UNAVAILABLE, retriable=False, cooldown_s=300.0)
BROKEN = Rule(reason=FallbackReason.ERROR, retriable=True, cooldown_s=10.0)
UNFIT = Rule(reason=FallbackReason.ERROR, retriable=False, cooldown_s=None)
UNSAFE = Rule(reason=FallbackReason.SAFETY_VIOLATION, retriable=False, cooldown_s=None, falls_back=False)
UNPAID = Rule(reason=FallbackReason.BUDGET_EXCEEDED, retriable=False, cooldown_s=None, falls_back=False)
POOR = Rule(reason=FallbackReason.QUALITY_BELOW_THRESHOLD, retriable=False, cooldown_s=None)
OUT = Rule(reason=FallbackReason.CIRCUIT_OPEN, retriable=True, cooldown_s=None)

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "RateLimitError": RATE_LIMITED,
        "Timeout": TIMED_OUT,
        "TimeoutError": TIMED_OUT,  # asyncio's, at the time limit of the call
        "ServiceUnavailableError": UNAVAILABLE,
        "BadGatewayError": UNAVAILABLE,
        "NotFoundError": SHUT_OUT,  # no such model there
        "AuthenticationError": SHUT_OUT,
        "PermissionDeniedError": SHUT_OUT,
        "PaymentRequiredError": SHUT_OUT,
        "LiteLLMUnknownProvider": SHUT_OUT,
        "InternalServerError": BROKEN,  # also a refused or cut connection and an answer that is no JSON
        "APIConnectionError": BROKEN,
        "APIError": BROKEN,
        "APIResponseValidationError": BROKEN,
        "JSONSchemaValidationError": BROKEN,
        "MidStreamFallbackError": BROKEN,
        "MockException": BROKEN,
        "OpenAIError": BROKEN,
        "BadRequestError": UNFIT,
        "InvalidRequestError": UNFIT,
        "UnprocessableEntityError": UNFIT,
        "UnsupportedParamsError": UNFIT,
        "ContextWindowExceededError": UNFIT,
        "RejectedRequestError": UNFIT,
        "ImageFetchError": UNFIT,
        "VectorStoreSearchError": UNFIT,
        "ModelNotMappedError": UNFIT,
        "ContentPolicyViolationError": UNSAFE,
        "GuardrailRaisedException": UNSAFE,
        "BlockedPiiEntityError": UNSAFE,
        "ModifyResponseException": UNSAFE,
        "SensitiveDataRouteException": UNSAFE,
        "BudgetExceededError": UNPAID,
    }
)

# litellm gives a plain BadRequestError to refusals whose text it does not know; their status says more.
_BY_STATUS: Mapping[int, Rule] = MappingProxyType(
    {401: SHUT_OUT, 402: SHUT_OUT, 403: SHUT_OUT, 404: SHUT_OUT, 408: TIMED_OUT, 429: RATE_LIMITED}
)
_FILTERED = re.compile(r"content[_ ](filter|policy|management)|ResponsibleAIPolicy|safety[_ ](system|setting)", re.I)

FOREIGN = (OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError)
"""What litellm lets through besides its own exceptions: of a provider's answer that it did not expect."""


def rule_of(error: BaseException) -> Rule:
    """Give the rule for a failure: by its nearest class in the table, for a plain bad request by its status and text.

    A failure that the table does not know is the deployment's fault.
    """
    named = (RULES[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in RULES)
    rule = next(named, BROKEN)
    if rule is not UNFIT or type(error).__name__ != "BadRequestError":
        return rule
    if _FILTERED.search(str(error)):
        return UNSAFE
    return _BY_STATUS.get(getattr(error, "status_code", 400), UNFIT)


def retry_after_s(error: BaseException) -> float | None:
    """Give how long the provider asks to wait; None where it does not say, or says it as a date."""
    headers = getattr(error, "litellm_response_headers", None) or {}  # the exception's own response lacks them
    for name, per in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            return max(float(headers[name]) * per, 0.0)
        except (KeyError, TypeError, ValueError):
            continue
    return None


def kind_of(error: BaseException) -> str:
    """Give class and status of an error, such as ``RateLimitError 429``: nothing that a request or a key may be in."""
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__} {status}" if isinstance(status, int) else type(error).__name__
