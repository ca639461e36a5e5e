"""arbiter's errors as users of OpenAI's SDK expect them, in one table; litellm brings that SDK along."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from arbiter.errors import (
    ArbiterError,
    BudgetError,
    ExecutionError,
    InvalidInputError,
    MissingExtraError,
    UnknownModelError,
)
from arbiter.execution import Attempt
from arbiter.quiet_litellm import import_litellm
from arbiter.vocabulary import FallbackReason

URL = "arbiter://chat/completions"
"""What stands for the address of the request in the SDK's errors."""

BY_STATUS = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}
"""The SDK's classes; every status from 500 up is its InternalServerError, 408 its APITimeoutError."""

OF_REASON = {
    FallbackReason.RATE_LIMITED: 429,
    FallbackReason.TIMEOUT: 408,
    FallbackReason.PRIMARY_UNAVAILABLE: 503,
    FallbackReason.CIRCUIT_OPEN: 503,
    FallbackReason.QUALITY_BELOW_THRESHOLD: 502,
    FallbackReason.SAFETY_VIOLATION: 400,
    FallbackReason.BUDGET_EXCEEDED: 429,
}
"""The status that stands for a failure which came without one; 500 for any other."""

CODES = {FallbackReason.SAFETY_VIOLATION: "content_filter", FallbackReason.BUDGET_EXCEEDED: "insufficient_quota"}

_STATUS = re.compile(r"\b([1-5]\d\d)$")


@contextlib.contextmanager
def as_openai() -> Iterator[None]:
    """Raise the SDK's error in place of arbiter's, which is its cause; a missing library stays what it is."""
    try:
        yield
    except MissingExtraError:
        raise
    except ArbiterError as error:
        raise openai_error(error) from error


def openai_error(error: ArbiterError) -> Exception:
    """Give the SDK's error for one of arbiter's.

    Parameters
    ----------
    error : a budget that is used up is a 429 with the code ``insufficient_quota``, as at OpenAI; where nobody answered
        it is the last failure that counts; an argument that is wrong is a 400.
    """
    status, code = _status(error)
    openai: Any = import_litellm().exceptions.openai
    request = _httpx().Request("POST", URL)
    if status == 408:
        return _told(openai.APITimeoutError(request=request), error)
    kind = getattr(openai, BY_STATUS.get(status, "InternalServerError"))
    body = {"message": str(error), "type": type(error).__name__, "code": code, "param": None}
    return _told(kind(str(error), response=_httpx().Response(status, request=request), body=body), error)


def _status(error: ArbiterError) -> tuple[int, str | None]:
    match error:
        case UnknownModelError():
            return 404, "model_not_found"
        case InvalidInputError():
            return 400, None
        case BudgetError():
            return 429, "insufficient_quota"
        case ExecutionError():
            return _of_attempts([a for a in error.attempts if isinstance(a, Attempt)])
        case _:
            return 500, None


def _of_attempts(attempts: list[Attempt]) -> tuple[int, str | None]:
    called = [a for a in attempts if a.reason is not FallbackReason.CIRCUIT_OPEN] or attempts
    if not called or called[-1].reason is None:
        return 500, None
    last, reason = called[-1], called[-1].reason
    told = _STATUS.search(last.error)
    return int(told[1]) if told else OF_REASON.get(reason, 500), CODES.get(reason)


def _told(made: Any, error: ArbiterError) -> Exception:
    made.message = str(error)
    made.args = (str(error),)
    return made  # type: ignore[no-any-return]  # an exception of the SDK's


def _httpx() -> Any:
    import httpx  # comes with the SDK

    return httpx
