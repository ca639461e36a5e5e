"""What people and programs say of answers, judgements and calls, checked here once."""

import math
import operator
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, SupportsIndex, TypedDict

from arbiter.errors import InvalidInputError
from arbiter.intake import is_storable
from arbiter.records import Feedback, Outcome
from arbiter.vocabulary import FallbackReason, FeedbackSource

_AMOUNTS = ("cost_usd", "latency_s", "ttft_s", "cooldown_s")


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
    _text("decision_id", decision_id)
    _text("key", details.get("key", ""))
    return Feedback(
        decision_id=decision_id,
        quality=_share("quality", quality),
        cost_usd=_amount("cost_usd", details.get("cost_usd")),
        latency_s=_amount("latency_s", details.get("latency_s")),
        source=_source(details.get("source", FeedbackSource.HUMAN)),
        key=str(details.get("key", "")),
    )


def read_outcome(outcome: Outcome) -> Outcome:
    """Check what came of a call, as somebody else tells it.

    Parameters
    ----------
    outcome : its numbers may be numpy's.

    Returns
    -------
    outcome : the same, of Python's numbers.

    Raises
    ------
    InvalidInputError
        If it is none, or a value is wrong: what the ledger once holds is in every sum from then on.
    """
    if not isinstance(outcome, Outcome):
        raise InvalidInputError(f"what came of a call is an arbiter.records.Outcome, got {outcome!r:.80}")
    for name in ("decision_id", "model", "deployment"):
        _text(name, getattr(outcome, name))
    if outcome.response_id is not None:
        _text("response_id", outcome.response_id)
    read: dict[str, Any] = {name: _amount(name, getattr(outcome, name)) for name in _AMOUNTS}
    read |= {name: _count(name, getattr(outcome, name)) for name in ("input_tokens", "output_tokens")}
    read |= {"attempt": _count("attempt", outcome.attempt) or 0, "score": _share("score", outcome.score)}
    reason = outcome.fallback_reason
    if reason is not None and reason not in list(FallbackReason):
        raise InvalidInputError(f"unknown fallback_reason {reason!r:.80}; there are {', '.join(FallbackReason)}")
    return replace(
        outcome, **read, ok=bool(outcome.ok), fallback_reason=None if reason is None else FallbackReason(reason)
    )


def _text(name: str, value: object) -> None:
    if not is_storable(value):
        hint = "; feedback needs decision.id" if name == "decision_id" else ""
        raise InvalidInputError(
            f"{name} must be a text, without half characters and zero bytes; got {value!r:.80}{hint}"
        )


def _count(name: str, value: SupportsIndex | None) -> int | None:
    try:
        number = None if value is None else operator.index(value)
    except TypeError:
        number = -1
    if number is not None and number < 0:
        raise InvalidInputError(f"{name} must be a whole number from 0 up, or None where unknown; got {value!r:.80}")
    return number


def _share(name: str, value: object) -> float | None:
    number = _number(value)
    if value is not None and (number is None or not 0.0 <= number <= 1.0):
        raise InvalidInputError(
            f"{name} must lie in [0, 1], got {value!r:.80}; divide by the greatest value of the scale"
        )
    return number


def _amount(name: str, value: object) -> float | None:
    number = _number(value)
    if value is not None and (number is None or not 0.0 <= number < math.inf):
        raise InvalidInputError(f"{name} must be a number from 0 up, or None where unknown; got {value!r:.80}")
    return number


def _number(value: object) -> float | None:
    """Give a number as float, numpy's too; None for what is no number (texts are not read as such)."""
    convert = getattr(value, "__float__", None)
    try:
        return None if convert is None else float(convert())
    except TypeError:  # an array of several, or of one in a row
        return None


def _source(value: object) -> FeedbackSource:
    try:
        return FeedbackSource(str(value))
    except ValueError:
        raise InvalidInputError(f"unknown source {value!r:.80}; there are {', '.join(FeedbackSource)}") from None
