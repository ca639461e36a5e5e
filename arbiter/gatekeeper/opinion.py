"""What an assessor outside of the bundle says of a request: a user's function, an LLM, a rule of thumb."""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter.gatekeeper.heads import HEADS
from arbiter.gatekeeper.keywords import RISK_SHARE
from arbiter.records import Query, TaskProfile
from arbiter.vocabulary import ProfileSource

FloatArray = NDArray[np.float64]

SPOKEN_SHARE = 0.9
"""Probability that a bare label gives to what it names; the rest stays where the base gatekeeper had it. Not 1: the
estimates were learned on probabilities that leave room for error."""

RISK = "risk"
"""Stands for ``stake`` where an assessor does not tell the two sources of risk apart, as in a traffic table."""

Said = str | Mapping[str, float]
"""Of one head: a label, or label to probability."""

Answer = str | TaskProfile | Mapping[str, Said] | None
"""What a user's function may return: a level of complexity, a profile, heads (some or all), or nothing to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What was said of one request; of a head that is not named, the base gatekeeper's word stands.

    Attributes
    ----------
    said : head (``domain``, ``complexity``, ``harm``, ``stake``) to a label, or to probabilities of labels.
    error : why nothing was said; empty where nothing went wrong.

    Raises
    ------
    InvalidInputError
        If a head, a label or a probability is wrong.
    """

    said: Mapping[str, Said] = field(default_factory=dict)
    error: str = ""

    def __post_init__(self) -> None:
        for head, value in self.said.items():
            _known(head, HEADS, "head")
            for label in (value,) if isinstance(value, str) else value:
                _known(label, HEADS[head], head)
            if not isinstance(value, str):
                _check_shares(head, value)

    def probabilities(self, head: str, base: FloatArray) -> FloatArray:
        """Give the (labels,) probabilities of one head that was spoken of, given those of the base gatekeeper."""
        value, labels = self.said[head], HEADS[head]
        if isinstance(value, str):
            named = np.array([label == value for label in labels])
            return np.asarray(SPOKEN_SHARE * named + (1.0 - SPOKEN_SHARE) * base)
        shares = np.array([value.get(label, 0.0) for label in labels], dtype=np.float64)
        return np.asarray(shares / shares.sum())

    def verdict(self, head: str) -> str:
        """Give the label of one head that was spoken of.

        Where probabilities were given: the likeliest domain, the median complexity, the highest harm or stake that has
        two fifths of the probability together with those above it.
        """
        value, labels = self.said[head], HEADS[head]
        if isinstance(value, str):
            return str(value)
        shares = np.array([value.get(label, 0.0) for label in labels], dtype=np.float64)
        if head == "domain":
            return str(labels[int(shares.argmax())])
        above = np.cumsum(shares[::-1])[::-1] / shares.sum()  # P(level or above); the first is 1
        return str(labels[int(np.flatnonzero(above >= (0.5 if head == "complexity" else RISK_SHARE))[-1])])


class Assessor(Protocol):
    """Whoever has an opinion of requests."""

    @property
    def source(self) -> ProfileSource:
        """What a profile that follows the opinion says of its source."""
        ...

    @property
    def lowers_risk(self) -> bool:
        """Whether harm and stake may be called lower than the base gatekeeper calls them."""
        ...

    def opinions(self, queries: Sequence[Query]) -> list[Opinion]:
        """Give one opinion per request; what goes wrong is told in ``Opinion.error``, not raised."""
        ...


def read_answer(answer: Answer) -> Opinion:
    """Read what a user's function returned.

    Parameters
    ----------
    answer : a level of complexity; a profile; a mapping of heads to a label or to probabilities, in which ``risk``
        stands for ``stake``; or None, nothing to say.

    Raises
    ------
    InvalidInputError
        If it is none of these, or a label is unknown.
    """
    if answer is None:
        return Opinion()
    if isinstance(answer, str):
        return Opinion(said={"complexity": answer})
    if isinstance(answer, TaskProfile):
        return Opinion(said={head: _of_profile(answer, head) for head in HEADS})
    if isinstance(answer, Mapping):
        return Opinion(said={"stake" if head == RISK else head: value for head, value in answer.items()})
    raise InvalidInputError(
        f"an assessment must be a complexity, a TaskProfile, a mapping of heads or None, got {answer!r:.80}"
    )


def _of_profile(profile: TaskProfile, head: str) -> Said:
    """Give a profile's probabilities of one head where they lead to its verdict, else the verdict alone."""
    verdict, shares = str(getattr(profile, head)), profile.probabilities.get(head)
    return shares if shares and Opinion(said={head: shares}).verdict(head) == verdict else verdict


def _known(name: object, names: Sequence[str] | Mapping[str, object], what: str) -> None:
    if name in names:
        return
    near = difflib.get_close_matches(str(name), list(names), n=1)
    hint = f"; did you mean {str(near[0])!r}?" if near else f"; known: {', '.join(names)}"
    raise InvalidInputError(f"{what} {name!r:.80} is unknown{hint}")


def _check_shares(head: str, shares: Mapping[str, float]) -> None:
    values = list(shares.values())
    numbers = all(isinstance(v, int | float) and math.isfinite(v) and v >= 0.0 for v in values)
    if not numbers or not sum(values) > 0.0:
        raise InvalidInputError(
            f"probabilities of {head} must be numbers from 0 up with a sum above 0, got {shares!r:.120}"
        )
