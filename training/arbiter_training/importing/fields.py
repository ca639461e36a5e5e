"""Values as logs write them, checked: numbers, money, times, text, JSON inside of text."""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from arbiter_training.importing.items import Reason, UnusableError
from arbiter_training.traffic.places import shown

NANO_FROM, MICRO_FROM, MILLI_FROM, SECONDS_FROM = 1e17, 1e14, 1e11, 1e8
"""Least number since 1970 of each unit: every unit then covers the years from 1973, and none overlaps another."""

LATEST_SECONDS = 253_402_300_800
"""The year 10000, where calendars of the libraries end."""

DOLLARS = frozenset({"usd", "$", "us$", "dollar", "dollars"})


def first(record: Mapping[str, Any], *names: str) -> Any:
    """Give the value under the first of some names that has one; None where none has."""
    for name in names:
        value = record.get(name)
        if value is not None and value != "":
            return value
    return None


def number(value: object, name: str, high: float = math.inf, scale: float = 1.0) -> float | None:
    """Give a number of at least 0; null, empty and NaN are unknown.

    Parameters
    ----------
    value : a number, or one written as text.
    name : for the message.
    high : most that is possible, after scaling.
    scale : what it is multiplied by.

    Raises
    ------
    UnusableError
        If it is no number, or one that cannot be.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise UnusableError(Reason.BAD_NUMBER, f"{name} is {value}")
    try:
        found = float(value) * scale  # type: ignore[arg-type]  # the question is whether this fails
    except (TypeError, ValueError, OverflowError) as error:
        raise UnusableError(Reason.BAD_NUMBER, f"{name} is {shown(value)}") from error
    if found != found:
        return None
    if not 0.0 <= found <= high or found == math.inf:
        raise UnusableError(Reason.BAD_NUMBER, f"{name} is {found:.6g}")
    return found


def propensity(value: object) -> float | None:
    """Give a probability above 0.

    Raises
    ------
    UnusableError
        If it is not in (0, 1].
    """
    found = number(value, "propensity", high=1.0)
    if found == 0.0:
        raise UnusableError(Reason.BAD_NUMBER, "propensity is 0")
    return found


def dollars(value: object, currency: object = None) -> float | None:
    """Give a cost.

    Raises
    ------
    UnusableError
        If a currency is named and it is not the dollar, or the cost is no number of at least 0.
    """
    if isinstance(currency, str) and currency.strip() and currency.strip().lower() not in DOLLARS:
        raise UnusableError(Reason.FOREIGN_CURRENCY, shown(currency))
    return number(value, "cost")


def seconds(value: object, zone: tzinfo = UTC) -> float | None:
    """Give a moment in seconds since 1970, UTC.

    Parameters
    ----------
    value : ISO 8601, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970: their sizes tell
        them apart.
    zone : of times that name none.

    Raises
    ------
    UnusableError
        If it is neither.
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, datetime):
            return _moment(value, zone)
        if isinstance(value, str):
            text = value.strip()
            return _since_1970(float(text)) if _is_digits(text) else _moment(datetime.fromisoformat(text), zone)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _since_1970(float(value))
    except (ValueError, OverflowError) as error:
        raise UnusableError(Reason.BAD_TIME, shown(value)) from error
    raise UnusableError(Reason.BAD_TIME, shown(value))


def is_naive(value: object) -> bool:
    """Say whether a time that can be read names no zone."""
    if isinstance(value, datetime):
        return value.tzinfo is None
    if not isinstance(value, str) or not value.strip() or _is_digits(value.strip()):
        return False
    return datetime.fromisoformat(value.strip()).tzinfo is None


def _is_digits(text: str) -> bool:
    return text[:1].isdigit() and text.replace(".", "", 1).isdigit() and len(text.partition(".")[0]) > 8


def _moment(moment: datetime, zone: tzinfo) -> float:
    found = (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).timestamp()
    if not -LATEST_SECONDS < found < LATEST_SECONDS:
        raise ValueError("a year that calendars do not have")
    return found


def _since_1970(value: float) -> float:
    if value >= NANO_FROM:
        value /= 1e9
    elif value >= MICRO_FROM:
        value /= 1e6
    elif value >= MILLI_FROM:
        value /= 1e3
    if not SECONDS_FROM <= value < MILLI_FROM:
        raise ValueError("no time since 1970 in any unit")
    return value


def span_of(start: float | None, end: float | None) -> float | None:
    """Give the seconds between two moments; unknown where one is, or they are in the wrong order."""
    return None if start is None or end is None or end < start else round(end - start, 6)


def text(value: object) -> str | None:
    """Give text or a whole number as text; None where it is empty or neither."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None


def decoded(value: object) -> Any:
    """Give what a text holds where it is JSON of an object, a list or a text, and the value itself elsewhere."""
    if not isinstance(value, str) or value[:1] not in '{["':
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def mapping(value: object) -> Mapping[str, Any]:
    """Give a mapping, also one written as JSON; empty where it is none."""
    if type(value) is dict:  # by far the most, and found without asking an abstract class
        return value
    found = decoded(value)
    return found if isinstance(found, Mapping) else {}


def mappings(value: object) -> Iterable[Mapping[str, Any]]:
    """Give the mappings of a list, also one written as JSON; none where it is no list."""
    found = decoded(value)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []
