"""Judgements of answers that turn into feedback: exact, regular expression, JSON schema, a judge, a function."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from arbiter.errors import InvalidInputError, MissingExtraError
from arbiter.execution import Judge
from arbiter.execution.aggregation import normalised
from arbiter.records import Decision, Query
from arbiter.service import Arbiter
from arbiter.vocabulary import FeedbackSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer that is to be judged.

    Attributes
    ----------
    query, decision : what was asked, and what was decided.
    text : the answer.
    """

    query: Query
    decision: Decision
    text: str


class Evaluator(Protocol):
    """Judges an answer.

    Attributes
    ----------
    name : the feedback's key: a later judgement of this name corrects an earlier one.
    source : the feedback's.
    """

    @property
    def name(self) -> str:
        """See the class."""
        ...

    @property
    def source(self) -> FeedbackSource:
        """See the class."""
        ...

    def quality(self, service: Arbiter, answered: Answered) -> float | None:
        """Give a quality in [0, 1]; None where it cannot be told."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """1 where the answer says what was expected, else 0.

    Attributes
    ----------
    expected : one right answer, or several.
    same : gives what answers that say the same have in common.
    """

    expected: str | Sequence[str]
    same: Callable[[str], str] = normalised
    name: str = "exact"
    source: FeedbackSource = FeedbackSource.CODE

    def quality(self, service: Arbiter, answered: Answered) -> float:
        """See :class:`Evaluator`."""
        right = [self.expected] if isinstance(self.expected, str) else self.expected
        return float(self.same(answered.text) in {self.same(text) for text in right})


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """1 where a regular expression is found in the answer, else 0.

    Attributes
    ----------
    pattern : as Python's ``re`` reads it.
    """

    pattern: str
    name: str = "matches"
    source: FeedbackSource = FeedbackSource.CODE

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise InvalidInputError(f"{self.pattern!r} is no regular expression: {error}") from error

    def quality(self, service: Arbiter, answered: Answered) -> float:
        """See :class:`Evaluator`."""
        return float(re.search(self.pattern, answered.text) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FitsSchema:
    """1 where the answer is JSON that fits a schema, else 0; a fence of Markdown around it is no fault.

    Attributes
    ----------
    schema : a JSON Schema; checked by the library ``jsonschema``, which comes with litellm.
    """

    schema: Mapping[str, Any]
    name: str = "schema"
    source: FeedbackSource = FeedbackSource.CODE

    def quality(self, service: Arbiter, answered: Answered) -> float:
        """See :class:`Evaluator`.

        Raises
        ------
        InvalidInputError
            If the schema is none.
        MissingExtraError
            If jsonschema is not installed.
        """
        try:
            import jsonschema
        except ImportError as error:
            raise MissingExtraError.of("jsonschema", "execute") from error
        try:
            value = json.loads(_unfenced(answered.text))
        except ValueError:
            return 0.0
        try:
            jsonschema.validate(value, self.schema)
        except jsonschema.ValidationError:
            return 0.0
        except jsonschema.SchemaError as error:
            raise InvalidInputError(f"the schema of {self.name!r} is none: {error.message}") from error
        return 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The mark of a judge model, whose call is paid for and recorded as one of the decision's.

    Attributes
    ----------
    judge : who marks.
    """

    judge: Judge
    name: str = "judge"
    source: FeedbackSource = FeedbackSource.JUDGE

    def quality(self, service: Arbiter, answered: Answered) -> float | None:
        """See :class:`Evaluator`; None where the judge fails."""
        return service.executor.grade(answered.query, answered.decision, answered.text, self.judge)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByFunction:
    """What a function of the user's says.

    Attributes
    ----------
    function : answer to a quality in [0, 1], or None where it cannot tell.
    """

    function: Callable[[Answered], float | None]
    name: str = "function"
    source: FeedbackSource = field(default=FeedbackSource.CODE)

    def quality(self, service: Arbiter, answered: Answered) -> float | None:
        """See :class:`Evaluator`."""
        return self.function(answered)


def tell_quality(service: Arbiter, answered: Answered, evaluators: Sequence[Evaluator]) -> dict[str, float]:
    """Judge an answer and record what the evaluators say as feedback, one of each name.

    Parameters
    ----------
    service : learns from it.
    answered : what is judged.
    evaluators : who judge; their names differ.

    Returns
    -------
    qualities : by evaluator's name; one that could not tell is missing.

    Raises
    ------
    InvalidInputError
        If two have one name, or a quality lies outside [0, 1].
    LedgerError
        If the feedback cannot be recorded.
    """
    require_names(evaluators)
    found: dict[str, float] = {}
    for one in evaluators:
        quality = one.quality(service, answered)
        if quality is not None:
            service.feedback(answered.decision.id, quality=quality, source=one.source, key=one.name)
            found[one.name] = quality
    return found


def require_names(evaluators: Sequence[Evaluator]) -> None:
    """Refuse evaluators of one name: the later would correct the earlier."""
    names = [one.name for one in evaluators]
    if len(set(names)) < len(names):
        raise InvalidInputError(f"evaluators must have names that differ, got {', '.join(names)}")


def _unfenced(text: str) -> str:
    fenced = re.match(r"^\s*```\w*\n(.*?)\n?```\s*$", text, re.S)
    return fenced[1] if fenced else text
