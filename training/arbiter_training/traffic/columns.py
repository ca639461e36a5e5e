"""The columns of the traffic table, what each may hold, and the remedy where it holds something else."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
ObjectArray = NDArray[np.object_]
TimeArray = NDArray[np.datetime64]

TIME_DTYPE = "datetime64[us]"
"""Times are UTC, to the microsecond; numpy's datetime carries no zone, so UTC is the convention, not a mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRule:
    """What a numeric column may hold; null is always allowed and means unknown.

    Attributes
    ----------
    name : the column.
    low, high : the range; ``high`` is included.
    open_low : True where ``low`` itself is not allowed.
    interval : the range as people write it.
    remedy : what to do with a value outside.
    """

    name: str
    low: float = 0.0
    high: float = np.inf
    open_low: bool = False
    interval: str = "0 or more"
    remedy: str = "correct it, or leave it empty (null) where it is unknown"

    def broken(self, values: FloatArray) -> BoolArray:
        """Mark the values that are outside the range; NaN is not outside."""
        below = values <= self.low if self.open_low else values < self.low
        return below | (values > self.high)


NUMBER_RULES = (
    NumberRule(
        name="propensity",
        high=1.0,
        open_low=True,
        interval="in (0, 1]",
        remedy="give the probability with which this model was chosen (a percentage: divide by 100), or leave it "
        "empty where it is unknown",
    ),
    NumberRule(
        name="quality",
        high=1.0,
        interval="in [0, 1]",
        remedy="divide by the maximum of the scale, or leave it empty where it is unknown",
    ),
    NumberRule(name="cost_usd"),
    NumberRule(name="latency_s"),
    NumberRule(name="ttft_s"),
    NumberRule(name="input_tokens"),
    NumberRule(name="output_tokens"),
)

NUMBERS = tuple(rule.name for rule in NUMBER_RULES)
LABELS = ("domain", "complexity", "risk")
PROMPTS = ("prompt", "messages")
REQUIRED = ("request_id", "model")
KNOWN = (*REQUIRED, *PROMPTS, "timestamp", "session_id", "status", *NUMBERS, *LABELS)
STATUS_OK = "ok"

SOURCE = "quality_source"
"""Column that names who judged; :func:`arbiter.judgements.source_named` reads it."""


def as_objects(values: Iterable[object], n: int) -> ObjectArray:
    """Give an (n,) object array; unlike ``np.array`` it never looks inside lists and tuples."""
    return np.fromiter(values, dtype=object, count=n)


def is_none(values: ObjectArray) -> BoolArray:
    """Mark the unknown values of an object column."""
    return np.fromiter((value is None for value in values), dtype=np.bool_, count=values.size)


def factorize(values: Iterable[object], n: int) -> tuple[IntArray, list[object]]:
    """Give each value the position of its first like among the distinct ones, and the distinct ones in that order.

    A dictionary does in linear time what ``np.unique`` does by sorting strings.
    """
    seen: dict[object, int] = {}
    codes = np.fromiter((seen.setdefault(value, len(seen)) for value in values), dtype=np.int64, count=n)
    return codes, list(seen)


def nearest(name: str, others: Sequence[str]) -> str | None:
    """Give the one of ``others`` that is spelled most like ``name``; None where none is close."""
    by_lower = {other.lower(): other for other in others}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.6)
    if close:
        return by_lower[close[0]]
    parts = set(name.lower().split("_")) - {"usd", "s", "id", "tokens"}
    return next((other for lower, other in by_lower.items() if parts & set(lower.split("_"))), None)
