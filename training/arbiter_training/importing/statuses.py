"""How a call failed, in arbiter's words, out of the names that libraries give to errors."""

from arbiter.execution.failures import RULES, UNFIT
from arbiter.vocabulary import FallbackReason
from arbiter_training.traffic.columns import STATUS_OK

_BY_WORD = (
    (("ratelimit", "rate_limit", "toomanyrequests", "429"), FallbackReason.RATE_LIMITED),
    (("timeout", "timed out", "408", "504"), FallbackReason.TIMEOUT),
    (("contentpolicy", "content_policy", "content_filter", "guardrail", "safety"), FallbackReason.SAFETY_VIOLATION),
    (("budget", "insufficient_quota"), FallbackReason.BUDGET_EXCEEDED),
    (("serviceunavailable", "internalserver", "apiconnection", "badgateway", "overloaded", "500", "502", "503", "529"),
     FallbackReason.PRIMARY_UNAVAILABLE),
)  # fmt: skip

_REASONS = frozenset(str(reason) for reason in FallbackReason)
"""What arbiter itself wrote."""


def error_status(*told: object) -> str:
    """Give the kind of an error.

    Parameters
    ----------
    told : names, codes or messages, the most telling first. litellm's classes mean what they mean in serving.

    Returns
    -------
    status : a value of :class:`~arbiter.vocabulary.FallbackReason`; ``"error"`` where nothing is known.
    """
    for one in told:
        rule = RULES.get(str(one))
        if rule is not None and rule is not UNFIT:  # of a bad request the other values say more
            return str(rule.reason)
        text = str(one or "").lower()[:200]
        if text in _REASONS:
            return text
        for words, reason in _BY_WORD:
            if any(word in text for word in words):
                return str(reason)
    return str(FallbackReason.ERROR)


def status_of(ok: bool, *told: object) -> str:
    """Give ``"ok"``, or the kind of the error."""
    return STATUS_OK if ok else error_status(*told)
