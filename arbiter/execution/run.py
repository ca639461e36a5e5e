"""One request while it is carried out: what plans ask through, and where every call leaves its attempt."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from arbiter.errors import AllCandidatesFailedError
from arbiter.execution.attempts import Attempt, Execution, charged_usd, said_of
from arbiter.execution.calls import CallFailedError, OpenStream, Reply, Target, Usage, call, open_stream
from arbiter.execution.failures import OUT, POOR, Rule
from arbiter.execution.options import ExecutionOptions
from arbiter.records import Completion, Decision, Query
from arbiter.vocabulary import FallbackReason

LEAST_SHARE, MOST_SHARE = 0.5, 0.75
"""Of the time that is left, what a call may take while somebody else could still be asked: the least, and what a slow
candidate has at most."""


class Places(Protocol):
    """Where candidates are called, and who of them may be."""

    def target(self, model: str, *, forced: bool) -> Target | None:
        """Choose a deployment of a candidate; None where none may be called just now, unless it is ``forced``."""
        ...

    def seen(self, target: Target, attempt: Attempt) -> None:
        """Hear what came of a call."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A call that is over.

    Attributes
    ----------
    attempt : as it stands; a plan that takes another answer changes its reason.
    reply : the answer; None where there is none.
    """

    attempt: Attempt
    reply: Reply | None = None


class Run:
    """Carries one request out; plans call :meth:`ask` and end with :meth:`finish`.

    Parameters
    ----------
    query, decision : what was asked, and what was decided.
    params : what goes to the provider besides the messages, in OpenAI's names.
    options : limits.
    places : deployments.
    """

    def __init__(
        self, query: Query, decision: Decision, params: Mapping[str, Any], options: ExecutionOptions, places: Places
    ) -> None:
        self.query = query
        self.decision = decision
        self.options = options
        self.body = {"messages": messages_of(query), **params}
        self.jitter = random.Random(decision.id)
        self.tried: list[Tried] = []
        self.stream: OpenStream | None = None
        self.answered = False
        self._places = places
        self._started = time.monotonic()
        self._until = self._started + time_limit_s(query, decision, params, options)

    @property
    def left_s(self) -> float:
        """Seconds that are left of the request's time."""
        return self._until - time.monotonic()

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All calls so far, in the order in which they ended."""
        return tuple(tried.attempt for tried in self.tried)

    @property
    def charged_usd(self) -> float:
        """What a budget is to be charged with for the calls so far."""
        return charged_usd(self.attempts)

    @property
    def calls_left(self) -> int:
        """Calls that the request's risk still allows."""
        made = sum(attempt.reason is not FallbackReason.CIRCUIT_OPEN for attempt in self.attempts)
        return 1 + self.options.retries[self.decision.profile.risk] - made

    def limit_s(self, model: str, *, last: bool) -> float:
        """Give how long a call may take: all the time that is left for the last, else enough that others can follow."""
        estimate = self.decision.estimates.get(model)
        slow = 0.0 if estimate is None else 2.0 * (estimate.latency_p90_s or estimate.latency_s)
        left = max(self.left_s, 0.0)
        return left if last else min(max(LEAST_SHARE * left, slow), MOST_SHARE * left)

    async def ask(
        self, model: str, *, last: bool = True, forced: bool = False, params: Mapping[str, Any] | None = None
    ) -> Tried:
        """Call a candidate once and wait for its whole answer.

        Parameters
        ----------
        model : whom.
        last : whether nobody else will be asked after it.
        forced : call it even if its breaker is open.
        params : go before those of the request.
        """
        body = {**self.body, **(params or {})}

        async def whole(target: Target, limit_s: float) -> Reply:
            return await call(target, body, limit_s)

        return await self._tried(model, whole, last=last, forced=forced)

    async def open(self, model: str, *, last: bool = True, forced: bool = False) -> Tried:
        """Call a candidate for a stream, and wait for its first part; the attempt is not over then, and not noted."""

        async def begun(target: Target, limit_s: float) -> Reply | None:
            self.stream = await open_stream(target, self.body, limit_s)
            return None

        return await self._tried(model, begun, last=last, forced=forced)

    async def _tried(
        self, model: str, make: Callable[[Target, float], Awaitable[Reply | None]], *, last: bool, forced: bool
    ) -> Tried:
        started, target = time.monotonic(), self._places.target(model, forced=forced)
        if target is None:
            return self.note(Tried(attempt=self._failed(model, "", started, CallFailedError(OUT, "breaker open"))))
        try:
            reply = await make(target, self.limit_s(model, last=last))
        except CallFailedError as failed:
            tried = Tried(attempt=self._failed(model, target.deployment, started, failed))
        except asyncio.CancelledError:
            self.note(Tried(attempt=self._given_up(model, target.deployment, started)), target)
            raise
        else:
            if reply is None:
                return Tried(attempt=self._begun(target, started))
            tried = self.judged(Tried(attempt=_told(self._begun(target, started), reply), reply=reply))
        return self.note(tried, target)

    def note(self, tried: Tried, target: Target | None = None) -> Tried:
        """Keep a call that is over, and tell its deployment's health."""
        tried = replace(tried, attempt=replace(tried.attempt, number=len(self.tried)))
        self.tried.append(tried)
        if target is not None:
            self._places.seen(target, tried.attempt)
        return tried

    def streamed(self, begun: Tried, reply: Reply) -> Tried:
        """Give the attempt of a stream that came to its end."""
        return Tried(attempt=_told(begun.attempt, reply), reply=reply)

    def broken(self, begun: Tried, failed: CallFailedError) -> Tried:
        """Give the attempt of a stream that broke off; what had come is paid for."""
        lasted = time.monotonic() - self._started - begun.attempt.started_s
        return Tried(attempt=replace(_refused(begun.attempt, failed), latency_s=lasted))

    def left(self, begun: Tried, usage: Usage) -> Tried:
        """Give the attempt of a stream whose reader went away; what had come is paid for."""
        lasted = time.monotonic() - self._started - begun.attempt.started_s
        attempt = replace(_billed(begun.attempt, usage), latency_s=lasted, reason=FallbackReason.CANCELLED)
        return Tried(attempt=attempt)

    def judged(self, tried: Tried) -> Tried:
        """Refuse an answer that is not what was asked for: no JSON where JSON was, or what the user's check rejects."""
        assert tried.reply is not None, "only answers are judged"
        wrong = _no_json(self.body, tried.reply)
        if not wrong and self.options.valid is not None and not self.options.valid(self.completion(tried)):
            wrong = "not valid"
        return self.rejected(tried, wrong) if wrong else tried

    def rejected(self, tried: Tried, why: str, score: float | None = None) -> Tried:
        """Give an answer that was paid for and is not taken."""
        return replace(tried, attempt=replace(tried.attempt, **_ruled(POOR), error=why, score=score))

    def completion(self, tried: Tried) -> Completion:
        """Give an answer in arbiter's terms."""
        reply, attempt = tried.reply, tried.attempt
        assert reply is not None, "only answers are completions"
        return Completion(
            decision_id=self.decision.id,
            model=attempt.model,
            text=reply.text,
            input_tokens=reply.usage.input_tokens,
            output_tokens=reply.usage.output_tokens,
            cost_usd=reply.usage.cost_usd or 0.0,
            latency_s=reply.latency_s,
            ttft_s=reply.ttft_s,
            cached_input_tokens=reply.usage.cached_input_tokens,
            deployment=attempt.deployment,
            finish_reason=reply.finish_reason,
        )

    def finish(self, winner: Tried, agreement: float | None = None) -> Execution:
        """Take one answer; the others that came were not needed."""
        assert winner.reply is not None, "only an answer can win"
        self.answered = True
        number = winner.attempt.number
        self.tried = [t if t.attempt.number == number or t.attempt.reason else _not_needed(t) for t in self.tried]
        return Execution(
            query=self.query,
            decision=self.decision,
            response=winner.reply.response,
            completion=self.completion(winner),
            attempts=self.attempts,
            agreement=agreement,
        )

    def failure(self) -> AllCandidatesFailedError:
        """Give the error that says of each call why it was not the end."""
        return AllCandidatesFailedError(
            f"no candidate answered: {said_of(self.attempts)}", self.decision.id, self.attempts
        )

    def _begun(self, target: Target, started: float) -> Attempt:
        return Attempt(
            number=len(self.tried),
            model=target.model,
            deployment=target.deployment,
            started_s=started - self._started,
            latency_s=time.monotonic() - started,
            expected_usd=self.expected_usd(target.model),
        )

    def expected_usd(self, model: str) -> float:
        """Give what a call of a candidate is expected to cost; 0 where nothing is expected of it."""
        estimate = self.decision.estimates.get(model)
        return 0.0 if estimate is None else estimate.cost_usd

    def _failed(self, model: str, deployment: str, started: float, failed: CallFailedError) -> Attempt:
        return _refused(self._begun(Target(model=model, deployment=deployment), started), failed)

    def _given_up(self, model: str, deployment: str, started: float) -> Attempt:
        reason = FallbackReason.NOT_NEEDED if self.answered else FallbackReason.CANCELLED
        begun = self._begun(Target(model=model, deployment=deployment), started)
        return replace(begun, reason=reason, cost_usd=None)


def messages_of(query: Query) -> list[Mapping[str, Any]]:
    """Give a request as OpenAI messages: its own, or made of its texts."""
    if query.messages:
        return list(query.messages)
    system: list[Mapping[str, Any]] = [{"role": "system", "content": query.system}] if query.system else []
    text = f"{query.context}\n\n{query.text}" if query.context else query.text
    return [*system, {"role": "user", "content": text}]


def time_limit_s(query: Query, decision: Decision, params: Mapping[str, Any], options: ExecutionOptions) -> float:
    """Give how long a request may take: the caller's ``timeout``, else its limit or the usual one by its complexity."""
    told = params.get("timeout")
    if told is not None:
        return float(told)
    own = query.requirements.max_latency_s
    return (options.time_limit_s if own is None else own) * options.timeouts[decision.profile.complexity]


def _billed(attempt: Attempt, usage: Usage) -> Attempt:
    cost, tokens_in, tokens_out = usage.cost_usd, usage.input_tokens, usage.output_tokens
    return replace(attempt, cost_usd=cost, input_tokens=tokens_in, output_tokens=tokens_out)


def _told(attempt: Attempt, reply: Reply) -> Attempt:
    return replace(_billed(attempt, reply.usage), latency_s=reply.latency_s, ttft_s=reply.ttft_s)


def _refused(attempt: Attempt, failed: CallFailedError) -> Attempt:
    """Give the attempt of a call that failed.

    One that was refused is not billed. Of one that was given up nobody says whether it is.
    """
    rule = failed.rule
    rests = rule.cooldown_s if failed.retry_after_s is None or rule.cooldown_s is None else failed.retry_after_s
    attempt = replace(
        attempt,
        **{**_ruled(rule), "cooldown_s": rests},
        error=failed.error,
        detail=failed.detail,
        cost_usd=None if rule.reason is FallbackReason.TIMEOUT else 0.0,
    )
    return attempt if failed.usage is None else _billed(attempt, failed.usage)


def _ruled(rule: Rule) -> dict[str, Any]:
    names = ("reason", "cooldown_s", "falls_back", "retriable")
    return {name: getattr(rule, name) for name in names}


def _not_needed(tried: Tried) -> Tried:
    return replace(tried, attempt=replace(tried.attempt, reason=FallbackReason.NOT_NEEDED))


def _no_json(body: Mapping[str, Any], reply: Reply) -> str:
    """Say why an answer is not the JSON that was asked for; empty where it is, or none was."""
    wanted = body.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if kind not in ("json_object", "json_schema") or reply.finish_reason == "tool_calls":
        return ""
    try:
        json.loads(reply.text)
    except ValueError:
        return "no JSON"
    return ""
