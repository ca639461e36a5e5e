"""A rule of thumb for complexity that reads no request: its size, its number of inputs, and what the task is called."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log2, log10

import numpy as np
from numpy.typing import NDArray

from arbiter.gatekeeper.heads import HEADS, softmax
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.gatekeeper.opinion import Opinion
from arbiter.records import Query
from arbiter.vocabulary import Complexity, ProfileSource

FloatArray = NDArray[np.float64]

BASE_LEVEL = 1.5
"""Level of one input of 100 tokens to a task that nobody described: between simple and moderate (trivial is 0)."""

LEVELS_PER_TENFOLD = 0.7
"""Levels that ten times as many tokens add."""

LEVELS_PER_DOUBLING = 0.4
"""Levels that twice as many inputs add: they must be set against each other."""

SPREAD = 0.9
"""Standard deviation of the level, in levels. This and the above were set by hand, not fitted."""

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\W]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeuristicAssessor:
    """Judges complexity alone, for pipelines whose tasks have names rather than prompts.

    Attributes
    ----------
    name : of the task, such as ``extract_dates`` or ``proveTheorem``.
    docstring : what the task is described by.
    rules : weigh the words of name and docstring.
    """

    name: str = ""
    docstring: str = ""
    rules: KeywordRules = field(default_factory=KeywordRules.default)

    @property
    def source(self) -> ProfileSource:
        """The heuristic."""
        return ProfileSource.HEURISTIC

    @property
    def lowers_risk(self) -> bool:
        """It says nothing of risk."""
        return False

    def opinions(self, queries: Sequence[Query]) -> list[Opinion]:
        """See :meth:`arbiter.gatekeeper.opinion.Assessor.opinions`."""
        return [Opinion(said={"complexity": self._shares(query)}) for query in queries]

    def _shares(self, query: Query) -> dict[str, float]:
        found = self.complexity(max(query.input_tokens, 1), _inputs(query))
        return dict(zip(HEADS["complexity"], found.tolist(), strict=True))

    def complexity(self, input_tokens: int, n_inputs: int = 1) -> FloatArray:
        """Give the (5,) probabilities of complexity.

        A normal distribution over the levels, whose mean grows with the logarithm of the input's size and with the
        number of inputs, times the keyword evidence of name and docstring.

        Parameters
        ----------
        input_tokens : of all inputs together.
        n_inputs : texts, documents or images that the task is given.
        """
        size = float(np.clip(log10(max(input_tokens, 1) / 100.0), -1.0, 3.0))
        mean = BASE_LEVEL + LEVELS_PER_TENFOLD * size + LEVELS_PER_DOUBLING * log2(max(n_inputs, 1))
        levels = np.arange(len(Complexity), dtype=np.float64)
        spoken = self.rules.scores(f"{_BOUNDARY.sub(' ', self.name)}\n{self.docstring}").complexity
        return softmax(-0.5 * ((levels - min(mean, levels[-1])) / SPREAD) ** 2 + spoken)


def _inputs(query: Query) -> int:
    """Count the parts of the last user turn, and all images; a plain text is one input."""
    turns = [message for message in query.messages if message.get("role") == "user"]
    content = turns[-1].get("content") if turns else None
    texts = [part for part in content if "text" in part] if isinstance(content, list) else [query.text]
    return max(len(texts) + query.n_images, 1)
