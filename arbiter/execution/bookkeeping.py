"""How what came of a call is written down in its attempt."""

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


def refused(attempt: Attempt, failed: CallFailedError) -> Attempt:
    """Give the attempt of a call that failed.

    One that was refused is not billed. Of one that was given up at the time limit nobody says whether it is.
    """
    rule = failed.rule
    rests = rule.cooldown_s if failed.retry_after_s is None or rule.cooldown_s is None else failed.retry_after_s
    attempt = replace(
        ruled(attempt, rule),
        cooldown_s=rests,
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
    names = ("reason", "cooldown_s", "falls_back", "retriable")
    changes: dict[str, Any] = {name: getattr(rule, name) for name in names}
    return replace(attempt, **changes)
