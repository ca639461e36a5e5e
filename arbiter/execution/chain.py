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
        return run.finish(await answered(run, self._models(run)))

    async def begin(self, run: Run) -> Tried:
        """See :class:`arbiter.execution.StreamingPlan`."""
        return await answered(run, self._models(run), streaming=True)

    def _models(self, run: Run) -> tuple[str, ...]:
        return (run.decision.model, *run.decision.fallbacks)[: self.most]


async def answered(run: Run, models: Sequence[str], *, streaming: bool = False) -> Tried:
    """Ask candidates in their order, and again those that may be, until one answers.

    Parameters
    ----------
    run : the request.
    models : in the order in which they are asked.
    streaming : whether the first part of a stream is an answer.

    Raises
    ------
    AllCandidatesFailedError
        If nobody answers while time and calls are left, or a failure allows no other to be asked.
    """
    ask = run.open if streaming else run.ask
    queue, again = list(models), 0
    while queue and run.calls_left > 0 and run.left_s > 0.0:
        model = queue.pop(0)
        tried = await ask(model, last=not queue, forced=again > 0)
        if tried.attempt.reason is None:
            return tried
        if not tried.attempt.falls_back:
            break
        if not queue and (wait_s := _wait_s(run, models, again)) is not None:
            await asyncio.sleep(wait_s)
            again += 1
            queue = _again(run, models)
    raise run.failure()


def _last_of(run: Run, model: str) -> Attempt:
    return next(attempt for attempt in reversed(run.attempts) if attempt.model == model)


def _again(run: Run, models: Sequence[str]) -> list[str]:
    """Give who may be asked again, by how soon."""
    told = {model: _last_of(run, model) for model in models}
    return sorted((m for m, a in told.items() if a.retriable), key=lambda m: _rest_s(run, told[m], 0))


def _wait_s(run: Run, models: Sequence[str], again: int) -> float | None:
    """Give how long to wait before somebody is asked again; None where nobody may be, or not soon enough."""
    rests = [_rest_s(run, _last_of(run, model), again) for model in _again(run, models)]
    soonest = min(rests, default=None)
    if soonest is None or soonest > min(run.options.most_wait_s, run.left_s) or run.calls_left < 1:
        return None
    return soonest


def _rest_s(run: Run, attempt: Attempt, again: int) -> float:
    """Give the rest that a provider asked for, if it did; else a wait that grows, and differs between callers."""
    if attempt.reason is FallbackReason.RATE_LIMITED and attempt.cooldown_s is not None:
        return attempt.cooldown_s
    if attempt.reason is FallbackReason.CIRCUIT_OPEN:
        return 0.0
    return FIRST_WAIT_S * 2.0**again * run.jitter.uniform(0.5, 1.0)
