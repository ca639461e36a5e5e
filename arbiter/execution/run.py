"""One request while it is carried out: what plans ask through, and where every call leaves its attempt."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from arbiter.errors import AllCandidatesFailedError, ArbiterError, BudgetError
from arbiter.execution.attempts import Attempt, Execution, charged_usd, said_of
from arbiter.execution.bookkeeping import given_up, refused, rejected, ruled, told
from arbiter.execution.calls import CallFailedError, Reply, Target, call
from arbiter.execution.failures import OUT, TOO_DEAR
from arbiter.execution.open_stream import OpenStream, open_stream
from arbiter.execution.options import ExecutionOptions
from arbiter.execution.requested import messages_of, no_json, time_limit_s
from arbiter.quiet_litellm import RECORDED, anybody_listens, carrying, decision_metadata
from arbiter.records import Completion, Decision, Estimate, Outcome, Query
from arbiter.vocabulary import NO_FAILURE, FallbackReason

logger = logging.getLogger(__name__)

LEAST_SHARE, MOST_SHARE = 0.5, 0.75
"""Of the time that is left, what a call may take while somebody else could still be asked: the least, and what a slow
candidate has at most."""

NO_RETRY = frozenset({None, FallbackReason.NOT_NEEDED, FallbackReason.CIRCUIT_OPEN, FallbackReason.BUDGET_EXCEEDED})
"""Reasons of attempts that use up none of the calls that a request's risk allows."""


class Places(Protocol):
    """Where candidates are called, and who of them may be."""

    def target(self, model: str, *, forced: bool, tried: frozenset[str]) -> Target | None:
        """Choose a deployment of a candidate, one that was not tried if there is any.

        None where none may be called just now, unless it is ``forced``.
        """
        ...

    def untried(self, model: str, tried: frozenset[str]) -> bool:
        """Tell whether a candidate has another deployment that may be called just now."""
        ...

    def paid(self, target: Target, query: Query, estimate: Estimate | None, body: Mapping[str, Any]) -> Target:
        """Hold what a call may cost; raises BudgetError where a budget does not pay for it."""
        ...

    def seen(self, target: Target, outcome: Outcome) -> None:
        """Hear what came of a call, and charge what it did cost."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A call that is over, or a stream that has begun.

    Attributes
    ----------
    attempt : as it stands; a plan that takes another answer changes its reason.
    reply : the answer; None where there is none.
    stream : of which the first part has come; its attempt is not among the run's before it has ended.
    """

    attempt: Attempt
    reply: Reply | None = None
    stream: OpenStream | None = None


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
        self.body: Mapping[str, Any] = {"messages": messages_of(query), **params}
        if anybody_listens(params):
            told = {**decision_metadata(decision), RECORDED: True}
            self.body = {**self.body, "metadata": carrying(params.get("metadata") or {}, told)}
        self.jitter = random.Random(decision.id)
        self.tried: list[Tried] = []
        self.answered = False
        self.refusal: BudgetError | None = None
        self._places = places
        self._started = time.monotonic()
        self._until = self._started + time_limit_s(query, decision, params, options)

    @property
    def left_s(self) -> float:
        """Seconds that are left of the request's time, 0 at least."""
        return max(self._until - time.monotonic(), 0.0)

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
        """Calls that may still fail before the request has, by its risk."""
        failed = sum(attempt.reason not in NO_RETRY for attempt in self.attempts)
        return 1 + self.options.retries[self.decision.profile.risk] - failed

    async def ask(
        self, model: str, *, last: bool = True, forced: bool = False, more: Mapping[str, Any] | None = None
    ) -> Tried:
        """Call a candidate once and wait for its whole answer.

        Parameters
        ----------
        model : whom.
        last : whether nobody else will be asked after it.
        forced : call it even if its breaker is open.
        more : parameters that go before those of the request.
        """
        tried = await self.ask_other(model, {**self.body, **(more or {})}, last=last, forced=forced)
        wrong = "" if tried.reply is None else self._wrong(tried)
        return self.amended(tried, rejected(tried.attempt, wrong)) if wrong else tried

    async def ask_other(self, model: str, body: Mapping[str, Any], *, last: bool = True, forced: bool = False) -> Tried:
        """Call a model with something else than the request, such as a judge with an answer, and take what it says."""

        async def whole(target: Target, limit_s: float) -> Reply:
            return await call(target, body, limit_s)

        return await self._tried(model, whole, last=last, forced=forced)

    async def open(self, model: str, *, last: bool = True, forced: bool = False) -> Tried:
        """Call a candidate for a stream, and wait for its first part."""

        async def begun(target: Target, limit_s: float) -> OpenStream:
            return await open_stream(target, self.body, limit_s)

        return await self._tried(model, begun, last=last, forced=forced)

    async def _tried(
        self, model: str, make: Callable[[Target, float], Awaitable[Reply | OpenStream]], *, last: bool, forced: bool
    ) -> Tried:
        target = self._places.target(model, forced=forced, tried=self._tried_at(model))
        begun = self._begun(target or Target(model=model))
        if target is None:
            return self.note(Tried(attempt=replace(ruled(begun, OUT), latency_s=0.0)))
        try:
            target = self._places.paid(target, self.query, self.decision.estimates.get(model), self.body)
            came = await make(target, self._limit_s(model, last=last))
        except BudgetError as refusal:
            self.refusal = refusal
            return self.note(Tried(attempt=replace(ruled(begun, TOO_DEAR), latency_s=0.0, detail=str(refusal))), target)
        except CallFailedError as failed:
            return self.note(self._refused(begun, failed), target)
        except asyncio.CancelledError:
            reason = FallbackReason.NOT_NEEDED if self.answered else FallbackReason.CANCELLED
            self.note(Tried(attempt=given_up(self._lasted(begun), reason, None)), target)
            raise
        if isinstance(came, OpenStream):
            return Tried(attempt=begun, stream=came)
        return self.note(Tried(attempt=told(begun, came), reply=came), target)

    def elsewhere(self, attempt: Attempt) -> bool:
        """Tell whether a call failed by its deployment's fault, and the candidate has another one to be asked at."""
        blamed = attempt.cooldown_s is not None
        return blamed and self._places.untried(attempt.model, self._tried_at(attempt.model))

    def _tried_at(self, model: str) -> frozenset[str]:
        return frozenset(attempt.deployment for attempt in self.attempts if attempt.model == model)

    def note(self, tried: Tried, target: Target | None = None) -> Tried:
        """Keep a call that is over, and tell its deployment's health."""
        tried = replace(tried, attempt=replace(tried.attempt, number=len(self.tried)))
        self.tried.append(tried)
        if tried.attempt.reason not in (None, *NO_FAILURE):
            logger.info("decision %s: %s", self.decision.id, said_of([tried.attempt]))
        if target is not None:
            self._places.seen(target, tried.attempt.outcome(self.decision.id))
        return tried

    def amended(self, tried: Tried, attempt: Attempt) -> Tried:
        """Put another attempt in the place of that of a call which is kept."""
        changed = replace(tried, attempt=attempt)
        self.tried[attempt.number] = changed
        return changed

    def ended(self, begun: Tried, failed: CallFailedError | None = None) -> Tried:
        """Keep a stream that is over: come to its end, or broken off; what had come is paid for."""
        stream = begun.stream
        assert stream is not None, "a stream that is over had begun"
        if failed is not None:
            return self.note(self._refused(begun.attempt, failed), stream.target)
        reply = stream.reply()
        return self.note(Tried(attempt=told(begun.attempt, reply), reply=reply), stream.target)

    async def leave(self, begun: Tried, reason: FallbackReason) -> None:
        """Keep a stream whose reader went away, and close its connection; what had come is paid for."""
        stream = begun.stream
        assert stream is not None, "a stream that is left had begun"
        attempt = given_up(self._lasted(begun.attempt), reason, stream.usage())
        self.note(Tried(attempt=attempt), stream.target)
        await stream.aclose()

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
        self.set_aside()
        self.amended(winner, replace(winner.attempt, reason=None, error=""))
        return Execution(
            query=self.query,
            decision=self.decision,
            response=winner.reply.response,
            completion=self.completion(winner),
            attempts=self.attempts,
            agreement=agreement,
        )

    def set_aside(self) -> None:
        """Say of all calls that were answered that theirs is not the answer."""
        for tried in list(self.tried):
            if tried.attempt.reason is None:
                self.amended(tried, replace(tried.attempt, reason=FallbackReason.NOT_NEEDED))

    def failure(self) -> ArbiterError:
        """Give the error that says of each call why it was not the end; a budget's own where it refused them all."""
        if self.refusal is not None and all(a.reason is FallbackReason.BUDGET_EXCEEDED for a in self.attempts):
            return self.refusal
        said = f"no candidate answered: {said_of(self.attempts)}"
        return AllCandidatesFailedError(said, self.decision.id, self.attempts)

    def _begun(self, target: Target) -> Attempt:
        estimate = self.decision.estimates.get(target.model)
        return Attempt(
            number=len(self.tried),
            model=target.model,
            deployment=target.deployment,
            started_s=time.monotonic() - self._started,
            latency_s=0.0,
            expected_usd=0.0 if estimate is None else estimate.cost_usd,
            provider="" if target.candidate is None else target.candidate.provider,
        )

    def _refused(self, attempt: Attempt, failed: CallFailedError) -> Tried:
        return Tried(attempt=refused(self._lasted(attempt), failed, self.options.cooldowns))

    def _lasted(self, attempt: Attempt) -> Attempt:
        return replace(attempt, latency_s=time.monotonic() - self._started - attempt.started_s)

    def _limit_s(self, model: str, *, last: bool) -> float:
        """Give how long a call may take: all the time that is left for the last, else enough that others can follow."""
        estimate = self.decision.estimates.get(model)
        slow = 0.0 if estimate is None else 2.0 * (estimate.latency_p90_s or estimate.latency_s)
        return self.left_s if last else min(max(LEAST_SHARE * self.left_s, slow), MOST_SHARE * self.left_s)

    def _wrong(self, tried: Tried) -> str:
        """Say why an answer is not what was asked for; empty where it is."""
        assert tried.reply is not None, "only answers can be wrong"
        if wrong := no_json(self.body, tried.reply):
            return wrong
        valid = self.options.valid
        return "not valid" if valid is not None and not valid(self.completion(tried)) else ""
