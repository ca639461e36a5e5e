"""Several candidates together, whose answers become one."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from arbiter.ensembles import LEAST_AGREEMENT, LEAST_RESPONSES, Member, members_of
from arbiter.errors import InvalidInputError
from arbiter.execution.aggregation import concatenated, normalised, vote
from arbiter.execution.attempts import Execution
from arbiter.execution.chain import answered, chain_of, require_allowed
from arbiter.execution.judge import Judge
from arbiter.execution.run import Run, Tried
from arbiter.vocabulary import Aggregation, Strategy

VOTES = frozenset({Aggregation.MAJORITY_VOTE, Aggregation.WEIGHTED_VOTE})
JUDGED = frozenset({Aggregation.BEST_OF_N, Aggregation.SYNTHESIZE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Ask several candidates at once, and make one answer of theirs. All are paid for.

    Where too few answer, a vote agrees on too little, or the judge fails, the answer of the member of the greatest
    expected quality is given, and :attr:`Execution.agreement` says what a vote did come to.

    Attributes
    ----------
    aggregation : how the answers become one; None votes, by weight where the strategy is ``ensemble_weighted``.
    members : how many are asked. The choice is always one; the others are those whose joint answer is expected to be
        worth most (:func:`arbiter.ensembles.members_of`). Where fewer are eligible, those are asked.
    judge : picks the best of n, or synthesizes; needed for these two.
    least_responses : answers without which nothing is aggregated; None takes :data:`arbiter.ensembles.LEAST_RESPONSES`.
    least_agreement : share of the votes that the winner needs.
    same : gives what answers that say the same have in common.
    """

    aggregation: Aggregation | None = None
    members: int = 3
    judge: Judge | None = None
    least_responses: int | None = None
    least_agreement: float = LEAST_AGREEMENT
    same: Callable[[str], str] = normalised

    def __post_init__(self) -> None:
        if self.members < 2:
            raise InvalidInputError(f"an ensemble has 2 members or more, got {self.members}")
        if self.aggregation in JUDGED and self.judge is None:
            raise InvalidInputError(f"{self.aggregation} needs a judge, such as Judge(model='gpt-4o')")

    async def carry_out(self, run: Run) -> Execution:
        """See :class:`arbiter.execution.Plan`."""
        how = self._how(run)
        members = members_of(run.decision, how, self.members)
        came = await self._came(run, members, how)
        require_allowed(run)
        if not came:
            asked = [member.model for member in members]
            others = [model for model in chain_of(run) if model not in asked]
            return run.finish(await answered(run, [*asked, *others], asked=len(asked)))
        least = LEAST_RESPONSES[how] if self.least_responses is None else self.least_responses
        if len(came) < least:
            return run.finish(_likeliest(came))
        return await self._joined(run, how, came)

    def _how(self, run: Run) -> Aggregation:
        if self.aggregation is not None:
            return self.aggregation
        weighted = run.decision.strategy is Strategy.ENSEMBLE_WEIGHTED
        return Aggregation.WEIGHTED_VOTE if weighted else Aggregation.MAJORITY_VOTE

    async def _came(self, run: Run, members: Sequence[Member], how: Aggregation) -> list[tuple[Member, Tried]]:
        """Ask everybody; give the answers, by falling weight of who gave them, as soon as no other can matter."""
        tasks = {asyncio.create_task(run.ask(member.model)): member for member in members}
        pending = set(tasks)
        try:
            while pending and not self._decided(tasks, how):
                _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            run.answered = bool(pending)
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        over = [(member, task.result()) for task, member in tasks.items() if not task.cancelled()]
        return [(member, tried) for member, tried in over if tried.attempt.reason is None]

    def _decided(self, tasks: "dict[asyncio.Task[Tried], Member]", how: Aggregation) -> bool:
        """Tell whether the answers that are still to come cannot change the outcome."""
        over = [(member, task.result()) for task, member in tasks.items() if task.done()]
        came = [(member, tried) for member, tried in over if tried.attempt.reason is None]
        if any(not tried.attempt.falls_back for _, tried in over):
            return True
        if how is Aggregation.FIRST_VALID:
            return bool(came)
        least = LEAST_RESPONSES[how] if self.least_responses is None else self.least_responses
        if how not in VOTES or len(came) < max(least, 1):
            return False
        weights = _weights([member for member, _ in came], how)
        rest = sum(_weights([member for task, member in tasks.items() if not task.done()], how))
        agreement = vote([self.same(_text(tried)) for _, tried in came], weights).agreement
        return agreement * sum(weights) > max(0.5, self.least_agreement) * (sum(weights) + rest)

    async def _joined(self, run: Run, how: Aggregation, came: "list[tuple[Member, Tried]]") -> Execution:
        texts = [_text(tried) for _, tried in came]
        if how in VOTES:
            found = vote([self.same(text) for text in texts], _weights([member for member, _ in came], how))
            won = came[found.winner][1] if found.agreement >= self.least_agreement else _likeliest(came)
            return run.finish(won, found.agreement)
        if how is Aggregation.CONCATENATE:
            return run.finish(_reworded(came[0][1], concatenated([(m.model, _text(t)) for m, t in came])))
        if how is Aggregation.FIRST_VALID:
            return run.finish(min((tried for _, tried in came), key=lambda tried: tried.attempt.number))
        assert self.judge is not None, "checked when it was made"
        if how is Aggregation.SYNTHESIZE:
            return run.finish(await self.judge.written(run, texts) or _likeliest(came))
        best = await self.judge.best(run, texts)
        return run.finish(_likeliest(came) if best is None else came[best][1])


def _weights(members: Sequence[Member], how: Aggregation) -> list[float]:
    return [member.weight if how is Aggregation.WEIGHTED_VOTE else 1.0 for member in members]


def _likeliest(came: "Sequence[tuple[Member, Tried]]") -> Tried:
    """Give the answer of the member of the greatest expected quality."""
    return max(came, key=lambda one: one[0].estimate.quality)[1]


def _text(tried: Tried) -> str:
    assert tried.reply is not None, "only answers are aggregated"
    return tried.reply.text


def _reworded(tried: Tried, text: str) -> Tried:
    """Give an answer with another text, its response a copy: what the provider sent is left alone."""
    assert tried.reply is not None, "only answers are reworded"
    response: Any = tried.reply.response.model_copy(deep=True)
    response.choices[0].message.content = text
    return replace(tried, reply=replace(tried.reply, response=response, text=text))
