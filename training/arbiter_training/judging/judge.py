"""Models that judge answers, asked through litellm; none of them judges its own."""

import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from arbiter.background import BackgroundLoop
from arbiter.catalog.naming import loose_name
from arbiter.errors import ArbiterError, InvalidInputError
from arbiter.quiet_litellm import import_litellm
from arbiter_training.judging.rubric import comparing, grading, read_better, read_grade

MAX_ANSWER_TOKENS = 200
"""A verdict has about 30; the rest is for models that think first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSettings:
    """Who judges, and how long it is waited for.

    Attributes
    ----------
    models : as litellm takes them; the first that is not the model to be judged speaks.
    time_limit_s : seconds for one question.
    at_once : questions at the same time.
    extra : passed to litellm, such as ``{"api_base": "http://localhost:8000/v1"}``; not shown.
    """

    models: tuple[str, ...]
    time_limit_s: float = 60.0
    at_once: int = 8
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.models or not all(self.models):
            raise InvalidInputError("a judge needs a model, such as --model gpt-4o")
        if self.at_once < 1 or not self.time_limit_s > 0.0:
            raise InvalidInputError(
                f"at_once must be from 1 up and time_limit_s above 0, got {self.at_once} and {self.time_limit_s}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An answer to be judged.

    Attributes
    ----------
    model : who gave it.
    request, answer : texts.
    reference : an answer to compare with; None asks for a grade.
    """

    model: str
    request: str
    answer: str
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a judge said.

    Attributes
    ----------
    quality : in [0, 1]; None where nobody could judge.
    judge : who; empty where every judge would have judged itself.
    cost_usd : of asking; 0 where litellm does not know.
    error : why there is no quality; empty where there is one.
    """

    quality: float | None
    judge: str = ""
    cost_usd: float = 0.0
    error: str = ""


SELF = Verdict(quality=None, error="every judge would have judged itself")


class Judge:
    """Asks for grades, or for comparisons with a reference answer.

    A judge prefers the answer that it reads first, or second, by itself (Zheng et al., 2023, section 3.3), so each
    comparison is asked in both orders, and the two are averaged: a verdict that follows the order becomes 0.5. A grade
    has one answer and no order. Models also prefer what they wrote themselves (the same, 3.3): a judge whose name means
    the same model is passed over.

    Parameters
    ----------
    settings : who.
    """

    def __init__(self, settings: JudgeSettings) -> None:
        self._settings = settings
        self._loop = BackgroundLoop(settings.at_once)

    def close(self) -> None:
        """End its thread."""
        self._loop.close()

    def judge_for(self, model: str) -> str | None:
        """Give who may judge a model's answers; None where each would judge itself."""
        own = loose_name(model)
        return next((judge for judge in self._settings.models if loose_name(judge) != own), None)

    def verdicts(self, questions: Sequence[Question]) -> list[Verdict]:
        """Judge answers, many at a time; what fails is a verdict that says so."""
        futures = [self._submit(question) for question in questions]
        waves = -(-len(questions) // self._settings.at_once)
        wait([f for f in futures if f is not None], timeout=2 * waves * self._settings.time_limit_s)
        return [SELF if future is None else _verdict(future) for future in futures]

    def _submit(self, question: Question) -> Future[Verdict] | None:
        judge = self.judge_for(question.model)
        return None if judge is None else self._loop.submit(partial(self._ask, judge, question))

    async def _ask(self, judge: str, question: Question) -> Verdict:
        if question.reference is None:
            token = secrets.token_hex(4)
            content, cost = await self._answer(judge, grading(question.request, question.answer, token))
            return Verdict(quality=read_grade(content, token), judge=judge, cost_usd=cost)
        earned, cost = 0.0, 0.0
        for own_first in (True, False):
            token = secrets.token_hex(4)
            pair = (question.answer, question.reference)
            first, second = pair if own_first else pair[::-1]
            content, more = await self._answer(judge, comparing(question.request, first, second, token))
            better = read_better(content, token)
            earned += better if own_first else 1.0 - better
            cost += more
        return Verdict(quality=earned / 2, judge=judge, cost_usd=cost)

    async def _answer(self, judge: str, messages: list[dict[str, str]]) -> tuple[str | None, float]:
        litellm = import_litellm()
        said = await litellm.acompletion(
            model=judge,
            messages=messages,
            response_format={"type": "json_object"},
            temperature=0.0,
            max_tokens=MAX_ANSWER_TOKENS,
            timeout=self._settings.time_limit_s,
            max_retries=2,
            drop_params=True,
            **self._settings.extra,
        )
        cost = getattr(said, "_hidden_params", {}).get("response_cost")
        return said.choices[0].message.content, float(cost or 0.0)


def _verdict(future: Future[Verdict]) -> Verdict:
    if not future.done():
        future.cancel()
        return Verdict(quality=None, error="the judge took too long")
    if (error := future.exception()) is None:
        return future.result()
    # Of foreign errors the kind alone: their messages may quote the request or a key.
    return Verdict(quality=None, error=str(error) if isinstance(error, ArbiterError) else type(error).__name__)
