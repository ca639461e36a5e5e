"""Feedback as a quality in [0, 1]: what was judged, on which scale, by whom."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from arbiter.errors import InvalidInputError

GOOD = frozenset(
    ("true", "yes", "y", "good", "great", "correct", "right", "pass", "passed", "thumbs_up", "thumbsup", "thumbs up",
     "up", "like", "liked", "positive", "good_fit", "accepted", "success", "resolved", "👍")
)  # fmt: skip
BAD = frozenset(
    ("false", "no", "n", "bad", "poor", "incorrect", "wrong", "fail", "failed", "thumbs_down", "thumbsdown",
     "thumbs down", "down", "dislike", "disliked", "negative", "underpowered", "rejected", "failure",
     "unresolved", "👎")
)  # fmt: skip
"""Labels that people and judges give, lower case."""

RANKS = {"human": 4, "code": 3, "unknown": 2, "preference": 2, "judge": 1, "implicit": 0}
"""Whose judgement holds where several judged an answer: who had the need, a test, a model, then behaviour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRules:
    """How feedback is read.

    Attributes
    ----------
    names : of the feedback that is quality; None takes all of it.
    scales : name to the values that mean 0 and 1; without one, numbers must lie in [0, 1].
    """

    names: frozenset[str] | None = None
    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (low, high) in self.scales.items():
            if not math.isfinite(low) or not math.isfinite(high) or low == high:
                raise InvalidInputError(f"--scale {name}={low:g}:{high:g}: give two different numbers, such as 1:5")

    def wants(self, name: str) -> bool:
        """Say whether a feedback's name is one of those that count."""
        return self.names is None or name in self.names

    def quality(self, name: str, value: object) -> float | None:
        """Give a quality in [0, 1]; None where the value says none."""
        if isinstance(value, bool):
            return float(value)
        if isinstance(value, str):
            said = value.strip().lower()
            if said in GOOD or said in BAD:
                return float(said in GOOD)
        try:
            found = float(value)  # type: ignore[arg-type]  # the question is whether this fails
        except (TypeError, ValueError, OverflowError):
            return None
        low, high = self.scales.get(name, (0.0, 1.0))
        found = (found - low) / (high - low)
        return found if 0.0 <= found <= 1.0 else None


def combined(verdicts: Iterable[tuple[float, str, str, float]]) -> tuple[float, str]:
    """Give the quality that several judgements of one answer come to.

    Parameters
    ----------
    verdicts : quality, name (with the judge's, where it is known), source and time of each; at least one.

    Returns
    -------
    quality, source : of the source that ranks highest, the mean over names of the latest judgement of each name.
    """
    latest: dict[tuple[str, str], tuple[float, float]] = {}
    for quality, name, source, at in verdicts:
        held = latest.get((source, name))
        if held is None or at >= held[0]:
            latest[source, name] = (at, quality)
    best = max((source for source, _ in latest), key=lambda source: RANKS.get(source, RANKS["unknown"]))
    values = [quality for (source, _), (_, quality) in latest.items() if source == best]
    return math.fsum(values) / len(values), best
