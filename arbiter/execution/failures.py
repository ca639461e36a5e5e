"""The one table that says what a failed call means: whether to ask again, whom, and how long to leave it alone.

Its rows are litellm's exception classes by name, so that it can be read without litellm. A request which is
itself to blame (too long, filtered, malformed) rests nobody: one asker's prompt would otherwise take a model from all
others.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from types import MappingProxyType

from arbiter.vocabulary import FallbackReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What follows from a failure.

    Attributes
    ----------
    reason : in arbiter's words.
    retriable : whether the same deployment may be asked again for this request.
    blames : whether it is the deployment's fault, which then rests; else the request is to blame, or nobody.
    falls_back : whether another candidate is asked. Not after a content filter spoke: who was refused by one provider
        is not carried to the next, safety goes before performance.
    """

    reason: FallbackReason
    retriable: bool
    blames: bool
    falls_back: bool = True


DEFAULT_COOLDOWNS: Mapping[FallbackReason, float] = MappingProxyType(
    {
        FallbackReason.PRIMARY_UNAVAILABLE: 300.0,
        FallbackReason.TIMEOUT: 30.0,
        FallbackReason.RATE_LIMITED: 60.0,
        FallbackReason.ERROR: 10.0,
    }
)
"""For how many seconds a deployment rests that is to blame for a failure, where the provider says nothing itself."""

RATE_LIMITED = Rule(reason=FallbackReason.RATE_LIMITED, retriable=True, blames=True)
TIMED_OUT = Rule(reason=FallbackReason.TIMEOUT, retriable=True, blames=True)
UNAVAILABLE = Rule(reason=FallbackReason.PRIMARY_UNAVAILABLE, retriable=True, blames=True)
SHUT_OUT = Rule(reason=FallbackReason.PRIMARY_UNAVAILABLE, retriable=False, blames=True)
BROKEN = Rule(reason=FallbackReason.ERROR, retriable=True, blames=True)
UNFIT = Rule(reason=FallbackReason.ERROR, retriable=False, blames=False)
UNSAFE = Rule(reason=FallbackReason.SAFETY_VIOLATION, retriable=False, blames=False, falls_back=False)
UNPAID = Rule(reason=FallbackReason.BUDGET_EXCEEDED, retriable=False, blames=False, falls_back=False)
TOO_DEAR = Rule(reason=FallbackReason.BUDGET_EXCEEDED, retriable=False, blames=False)
POOR = Rule(reason=FallbackReason.QUALITY_BELOW_THRESHOLD, retriable=False, blames=False)
OUT = Rule(reason=FallbackReason.CIRCUIT_OPEN, retriable=True, blames=False)

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
    """Give how long the provider asks to wait (RFC 9110, 10.2.3); None where it does not say.

    A date is counted from the answer's own, so that no clock of ours need be right, and without one from now.
    """
    headers = getattr(error, "litellm_response_headers", None) or {}  # the exception's own response lacks them
    for name, per in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            return max(float(headers[name]) * per, 0.0)
        except (KeyError, TypeError, ValueError):
            continue
    until = _moment(headers.get("retry-after"))
    return None if until is None else max(until - (_moment(headers.get("date")) or time.time()), 0.0)


def _moment(date: str | None) -> float | None:
    """Give an HTTP date as seconds since 1970; None where there is none, or it is no date."""
    read = None if date is None else parsedate_tz(date)
    return None if read is None else mktime_tz(read)


def kind_of(error: BaseException) -> str:
    """Give class and status of an error, such as ``RateLimitError 429``: nothing that a request or a key may be in."""
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__} {status}" if isinstance(status, int) else type(error).__name__
