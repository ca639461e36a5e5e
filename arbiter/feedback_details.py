"""What a judgement may say besides a quality, checked here once."""

import math
from collections.abc import Mapping
from typing import TypedDict

from arbiter.errors import InvalidInputError
from arbiter.records import Feedback
from arbiter.vocabulary import FeedbackSource


class FeedbackDetails(TypedDict, total=False):
    """What feedback may carry besides a decision's id and a quality; see :class:`arbiter.records.Feedback`."""

    cost_usd: float | None
    latency_s: float | None
    source: FeedbackSource | str
    key: str


def read_feedback(decision_id: str, quality: float | None, details: Mapping[str, object]) -> Feedback:
    """Check a judgement.

    Parameters
    ----------
    decision_id : ``decision.id``.
    quality : in [0, 1], None where unknown.
    details : as in :class:`FeedbackDetails`.

    Raises
    ------
    InvalidInputError
        If a name or value is wrong.
    """
    known = FeedbackDetails.__optional_keys__
    unknown = sorted(set(details) - known)
    if unknown:
        raise InvalidInputError(f"unknown detail {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    for name, value in (("decision_id", decision_id), ("key", details.get("key", ""))):
        if not isinstance(value, str):
            raise InvalidInputError(f"{name} must be a text, got {value!r:.80}; feedback needs decision.id")
    return Feedback(
        decision_id=decision_id,
        quality=_quality(quality),
        cost_usd=_amount("cost_usd", details.get("cost_usd")),
        latency_s=_amount("latency_s", details.get("latency_s")),
        source=_source(details.get("source", FeedbackSource.HUMAN)),
        key=str(details.get("key", "")),
    )


def _quality(value: object) -> float | None:
    number = _number(value)
    if value is not None and (number is None or not 0.0 <= number <= 1.0):
        raise InvalidInputError(f"quality must lie in [0, 1], got {value!r}; divide by the greatest value of the scale")
    return number


def _amount(name: str, value: object) -> float | None:
    number = _number(value)
    if value is not None and (number is None or not 0.0 <= number < math.inf):
        raise InvalidInputError(f"{name} must be a number from 0 up, or None where unknown; got {value!r}")
    return number


def _number(value: object) -> float | None:
    """Give a number as float, numpy's too; None for what is no number (texts are not read as such)."""
    convert = getattr(value, "__float__", None)
    return None if convert is None else float(convert())


def _source(value: object) -> FeedbackSource:
    try:
        return FeedbackSource(str(value))
    except ValueError:
        raise InvalidInputError(f"unknown source {value!r}; there are {', '.join(FeedbackSource)}") from None
