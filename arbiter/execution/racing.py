"""Several candidates at once: a race, a hedge, and redundancy."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

from arbiter.errors import InvalidInputError
from arbiter.execution.attempts import Execution
from arbiter.execution.chain import answered, chain_of, require_allowed
from arbiter.execution.run import Run, Tried
from arbiter.records import Estimate
from arbiter.vocabulary import FallbackReason

Z_90, Z_95 = 1.2815515655446004, 1.6448536269514722
"""Quantiles of the standard normal distribution."""

Task = asyncio.Task[Tried]


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """Ask several candidates; whoever answers first is taken, the others are cancelled, and all are paid for.

    Attributes
    ----------
    width : how many are asked: the choice and its first fallbacks.
    hedged : ask the next one only after the 95th percentile of the latency that was expected of the one before it, or
        at once where that one has failed: most requests then cost one call.
    """

    width: int = 2
    hedged: bool = False

    def __post_init__(self) -> None:
        _require_several(self.width)

    async def carry_out(self, run: Run) -> Execution:
        """See :class:`arbiter.execution.Plan`."""
        return run.finish(await self._won(run, streaming=False))

    async def begin(self, run: Run) -> Tried:
        """See :class:`arbiter.execution.StreamingPlan`; whoever's first part comes first is taken."""
        return await self._won(run, streaming=True)

    async def _won(self, run: Run, *, streaming: bool) -> Tried:
        models, tasks, won = chain_of(run), [], None
        racers = models[: self.width]
        try:
            for place, model in enumerate(racers, 1):
                tasks.append(_asked(run, model, streaming=streaming))
                wait_s = hedge_s(run.decision.estimates.get(model)) if self.hedged else 0.0
                won = await first(tasks, wait_s if place < len(racers) else None)
                if won is not None:
                    run.answered = True
                    return won
                require_allowed(run)
        finally:
            await _cancelled(run, tasks, won)
        return await answered(run, models, asked=len(racers), streaming=streaming)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redundant:
    """Ask the choice and stand-ins at once; the choice's answer is taken if it comes, else the best stand-in's.

    An outage costs no time, and nobody is preferred for his speed: what is served is what was decided, wherever that is
    possible. All are paid for.

    Attributes
    ----------
    copies : how many are asked: the choice and its first fallbacks, which are of other providers where there are any.
    """

    copies: int = 2

    def __post_init__(self) -> None:
        _require_several(self.copies)

    async def carry_out(self, run: Run) -> Execution:
        """See :class:`arbiter.execution.Plan`."""
        models = chain_of(run)
        asked = models[: self.copies]
        tasks, won = [_asked(run, model, streaming=False) for model in asked], None
        try:
            for task in tasks:
                won = await task
                if won.attempt.reason is None:
                    run.answered = True
                    break
                require_allowed(run)
        finally:
            await _cancelled(run, tasks, won)
        return run.finish(won if won is not None and run.answered else await answered(run, models, asked=len(asked)))


async def first(tasks: Sequence[Task], limit_s: float | None) -> Tried | None:
    """Wait until one of the calls is answered, and give it; of several, the one that was asked first.

    Parameters
    ----------
    tasks : calls.
    limit_s : how long is waited; None waits until all are over.

    Returns
    -------
    won : None where all have failed, one so that nobody else may be asked, or the time is over.
    """
    loop = asyncio.get_running_loop()
    until = math.inf if limit_s is None else loop.time() + limit_s
    pending: set[Task] = {task for task in tasks if not task.done()}
    while True:
        done = [task.result() for task in tasks if task.done()]
        won = next((tried for tried in done if tried.attempt.reason is None), None)
        refused = any(not tried.attempt.falls_back for tried in done)
        if won is not None or refused or not pending or loop.time() >= until:
            return won
        wait_s = None if until == math.inf else until - loop.time()
        _, pending = await asyncio.wait(pending, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)


def hedge_s(estimate: Estimate | None) -> float:
    """Give the 95th percentile of the latency that is expected; at once where nothing is.

    From mean and 90th percentile, as of a log-normal distribution: with the logarithm's standard deviation s,
    log(p90 / mean) = 1.28 s - s^2 / 2, and log(p95 / mean) = 1.64 s - s^2 / 2. The measured spread of latencies is not
    log-normal to its end, which moves the moment of the second call and nothing else.
    """
    if estimate is None:
        return 0.0
    mean, p90 = estimate.latency_s, estimate.latency_p90_s
    if p90 is None or not p90 > mean > 0.0:
        return mean
    s = Z_90 - math.sqrt(max(Z_90**2 - 2.0 * math.log(p90 / mean), 0.0))
    return mean * math.exp(Z_95 * s - s * s / 2.0)


def _asked(run: Run, model: str, *, streaming: bool) -> Task:
    return asyncio.create_task(run.open(model) if streaming else run.ask(model))


async def _cancelled(run: Run, tasks: Sequence[Task], won: Tried | None) -> None:
    """Cancel what still runs, wait until it is gone, and close every stream that has begun but the winner's."""
    for task in tasks:
        task.cancel()
    for came in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(came, Tried) and came.stream is not None and came is not won:
            await run.leave(came, FallbackReason.NOT_NEEDED if run.answered else FallbackReason.CANCELLED)


def _require_several(n: int) -> None:
    if n < 2:
        raise InvalidInputError(f"so many are asked at once: 2 at least, got {n}")
