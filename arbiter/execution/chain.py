"""One candidate after the other, until one answers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from arbiter.execution.attempts import Attempt, Execution
from arbiter.execution.run import Run, Tried
from arbiter.vocabulary import FallbackReason

FIRST_WAIT_S = 0.25
"""Before a candidate that failed without saying when to come back is asked again; doubled with each round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Ask the choice, then its fallbacks in their order, then those that may be asked again, as often as risk allows.

    Who asks is not told which of them failed: the answer comes from the same call.

    Attributes
    ----------
    most : candidates that are asked, of the choice and its fallbacks; 1 asks the choice alone. None asks all.
    """

    most: int | None = None

    async def carry_out(self, run: Run) -> Execution:
        """See :class:`arbiter.execution.Plan`."""
        return run.finish(await answered(run, chain_of(run)[: self.most]))

    async def begin(self, run: Run) -> Tried:
        """See :class:`arbiter.execution.StreamingPlan`."""
        return await answered(run, chain_of(run)[: self.most], streaming=True)


def chain_of(run: Run) -> tuple[str, ...]:
    """Give who may be asked, in that order: the choice and its fallbacks."""
    return (run.decision.model, *run.decision.fallbacks)


def require_allowed(run: Run) -> None:
    """Refuse to ask anybody else after a failure that forbids it; raises AllCandidatesFailedError."""
    if not all(attempt.falls_back for attempt in run.attempts):
        raise run.failure()


async def answered(run: Run, models: Sequence[str], *, asked: int = 0, streaming: bool = False) -> Tried:
    """Ask candidates in their order, and again those that may be, until one answers.

    Parameters
    ----------
    run : the request.
    models : in the order in which they are asked.
    asked : how many of them, from the first, have been asked already, and failed.
    streaming : whether the first part of a stream is an answer.

    Raises
    ------
    AllCandidatesFailedError
        If nobody answers while time and calls are left, or a failure allows no other to be asked.
    """
    ask = run.open if streaming else run.ask
    queue, again = list(models[asked:]), 0
    while True:
        if not queue:
            await _rested(run, models, again)
            queue, again = _again(run, models), again + 1
        if run.calls_left < 1 or run.left_s <= 0.0:
            raise run.failure()
        model = queue.pop(0)
        tried = await ask(model, last=not queue, forced=again > 0)
        if tried.attempt.reason is None:
            return tried
        require_allowed(run)
        if run.elsewhere(tried.attempt):  # the same model at another place is still what was decided
            queue.insert(0, model)


def _last_of(run: Run, model: str) -> Attempt:
    return next(attempt for attempt in reversed(run.attempts) if attempt.model == model)


def _again(run: Run, models: Sequence[str]) -> list[str]:
    """Give who may be asked again, by how soon."""
    last = {model: _last_of(run, model) for model in models}
    return sorted((model for model in models if last[model].retriable), key=lambda m: _rest_s(run, last[m], 0))


async def _rested(run: Run, models: Sequence[str], again: int) -> None:
    """Wait until somebody may be asked again; raises AllCandidatesFailedError where nobody may be, or not in time."""
    rests = [_rest_s(run, _last_of(run, model), again) for model in _again(run, models)]
    if not rests or min(rests) > min(run.options.most_wait_s, run.left_s) or run.calls_left < 1:
        raise run.failure()
    await asyncio.sleep(min(rests))


def _rest_s(run: Run, attempt: Attempt, again: int) -> float:
    """Give the rest that a provider asked for, if it did; else a wait that grows, and differs between callers."""
    if attempt.reason is FallbackReason.RATE_LIMITED and attempt.cooldown_s is not None:
        return attempt.cooldown_s
    if attempt.reason is FallbackReason.CIRCUIT_OPEN:
        return 0.0
    return FIRST_WAIT_S * 2.0**again * run.jitter.uniform(0.5, 1.0)
