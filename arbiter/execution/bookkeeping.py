"""How what came of a call is written down in its attempt."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from arbiter.execution.attempts import Attempt
from arbiter.execution.calls import CallFailedError, Reply, Usage
from arbiter.execution.failures import POOR, Rule
from arbiter.vocabulary import FallbackReason


def billed(attempt: Attempt, usage: Usage) -> Attempt:
    """Give the attempt of a call that the provider has counted."""
    cost, tokens_in, tokens_out = usage.cost_usd, usage.input_tokens, usage.output_tokens
    return replace(attempt, cost_usd=cost, input_tokens=tokens_in, output_tokens=tokens_out)


def told(attempt: Attempt, reply: Reply) -> Attempt:
    """Give the attempt of a call that was answered."""
    answered = billed(attempt, reply.usage)
    return replace(answered, latency_s=reply.latency_s, ttft_s=reply.ttft_s, response_id=reply.response.id)


def refused(attempt: Attempt, failed: CallFailedError, cooldowns: Mapping[FallbackReason, float]) -> Attempt:
    """Give the attempt of a call that failed.

    One that was refused is not billed. Of one that was given up at the time limit nobody says whether it is.

    Parameters
    ----------
    attempt, failed : the call, and how.
    cooldowns : for how long who is to blame rests, where the provider has not said it.
    """
    rule = failed.rule
    asked = cooldowns[rule.reason] if failed.retry_after_s is None and rule.blames else failed.retry_after_s
    attempt = replace(
        ruled(attempt, rule),
        cooldown_s=asked if rule.blames else None,
        error=failed.error,
        detail=failed.detail,
        cost_usd=None if rule.reason is FallbackReason.TIMEOUT else 0.0,
    )
    return attempt if failed.usage is None else billed(attempt, failed.usage)


def given_up(attempt: Attempt, reason: FallbackReason, usage: Usage | None) -> Attempt:
    """Give the attempt of a call that nobody waited for to its end; ``usage`` is of what had come of a stream."""
    attempt = replace(attempt, reason=reason, cost_usd=None)
    return attempt if usage is None else billed(attempt, usage)


def rejected(attempt: Attempt, why: str, score: float | None = None) -> Attempt:
    """Give the attempt of an answer that was paid for and is not good enough."""
    return replace(ruled(attempt, POOR), error=why, score=score)


def ruled(attempt: Attempt, rule: Rule) -> Attempt:
    """Give the attempt under a rule of the table of failures."""
    names = ("reason", "falls_back", "retriable")
    changes: dict[str, Any] = {name: getattr(rule, name) for name in names}
    return replace(attempt, **changes)
