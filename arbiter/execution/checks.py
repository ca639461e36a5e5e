"""Whether a cheap answer will do: what a cascade asks before it goes on to a dearer candidate."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from arbiter.errors import InvalidInputError
from arbiter.execution.aggregation import normalised
from arbiter.execution.judge import Judge
from arbiter.execution.run import Run, Tried
from arbiter.records import Completion, Query


class Check(Protocol):
    """Scores an answer."""

    @property
    def params(self) -> Mapping[str, Any]:
        """What the call itself is asked besides, so that its answer can be scored."""
        ...

    async def score(self, run: Run, tried: Tried) -> float:
        """Give how likely the answer will do, in [0, 1]; 0 where that cannot be told."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfConsistency:
    """Ask the same candidate again: the score is the share of all its answers that say what the first one says.

    Costs ``samples`` more calls of the cheap candidate. Needs answers that are short or marked
    (:func:`arbiter.execution.aggregation.normalised`); Wang et al. (2023) vote over such samples, here they decide
    whether to go on.

    Attributes
    ----------
    samples : further answers.
    temperature : at which they are drawn; at 0 they would agree whatever they are worth.
    """

    samples: int = 2
    temperature: float = 0.7

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise InvalidInputError(f"self-consistency takes 1 sample or more, got {self.samples}")

    @property
    def params(self) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    async def score(self, run: Run, tried: Tried) -> float:
        """See :class:`Check`; a sample that fails agrees with nobody."""
        assert tried.reply is not None, "only answers are scored"
        body = {**run.body, "temperature": self.temperature}
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run.ask_other(tried.attempt.model, body)) for _ in range(self.samples)]
        said = normalised(tried.reply.text)
        came = [task.result().reply for task in tasks]
        same = sum(reply is not None and normalised(reply.text) == said for reply in came)
        return (1 + same) / (1 + self.samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeCheck:
    """The mark of a judge.

    Attributes
    ----------
    judge : who marks.
    """

    judge: Judge

    @property
    def params(self) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    async def score(self, run: Run, tried: Tried) -> float:
        """See :class:`Check`; 0 where the judge fails: then the dearer candidate answers."""
        assert tried.reply is not None, "only answers are scored"
        mark = await self.judge.grade(run, tried.reply.text)
        return 0.0 if mark is None else mark


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProbabilities:
    """The geometric mean of the probabilities that the candidate gave its own tokens; for providers that tell them."""

    @property
    def params(self) -> Mapping[str, Any]:
        """``logprobs``."""
        return {"logprobs": True}

    async def score(self, run: Run, tried: Tried) -> float:
        """See :class:`Check`; 0 where the provider told none."""
        assert tried.reply is not None, "only answers are scored"
        told = getattr(tried.reply.response.choices[0], "logprobs", None)
        values = [float(token.logprob) for token in getattr(told, "content", None) or ()]
        return math.exp(sum(values) / len(values)) if values else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCheck:
    """A function of the user's.

    Attributes
    ----------
    function : request and answer to a score in [0, 1], or to whether it will do.
    """

    function: Callable[[Query, Completion], float]
    params: Mapping[str, Any] = field(default_factory=dict)

    async def score(self, run: Run, tried: Tried) -> float:
        """See :class:`Check`."""
        score = float(self.function(run.query, run.completion(tried)))
        if not 0.0 <= score <= 1.0:
            raise InvalidInputError(f"a check must give a score in [0, 1], got {score}")
        return score
