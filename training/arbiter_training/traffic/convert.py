"""Raw columns to checked ones: each value is looked at once, and a wrong one is answered by file, row and remedy."""

import json
from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import Any

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.intake import read_request
from arbiter_training.traffic.columns import (
    TIME_DTYPE,
    FloatArray,
    NumberRule,
    ObjectArray,
    TimeArray,
    as_objects,
    factorize,
)
from arbiter_training.traffic.places import Places, shown
from arbiter_training.traffic.raw import RawColumn

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_SECONDS_LOW, EPOCH_SECONDS_HIGH = 1e8, 1e11
"""Numbers from March 1973 to the year 5138 are seconds since 1970; 20240131 below is a date, above are milliseconds."""


class ColumnChecker:
    """Checks the columns of one stretch of rows, and names the row of the first value that is wrong.

    Parameters
    ----------
    places : where the rows came from.
    request_ids : (n,) to name the request in errors; empty while the ids themselves are being read.
    """

    def __init__(self, places: Places, request_ids: ObjectArray | None = None) -> None:
        self._places = places
        self._ids = request_ids

    def error(self, index: int, message: str) -> InvalidInputError:
        """Give the error about the row at ``index``."""
        return self._places.error(index, None if self._ids is None else self._ids[index], message)

    def text(self, name: str, column: RawColumn, required: bool = False) -> ObjectArray:
        """Give text; integers become text, and empty text is unknown.

        Raises
        ------
        TrafficError
            If a value is neither text nor a whole number, or is unknown where it is required.
        """
        kinds = set(map(type, column.values)) if column.values.dtype == object else {column.values.dtype.type}
        if not all(_reads_as_text(kind) for kind in kinds):
            index = next(i for i, value in enumerate(column.values) if not _reads_as_text(type(value)))
            raise self.error(index, f"{name} is {shown(column.values[index])}, not text: write it as text")
        values = column.values
        if kinds != {str}:
            values = as_objects((None if v is None else str(v) for v in values), len(values))
        unknown = ~column.known | (values == "")
        if required and unknown.any():
            raise self.error(int(np.argmax(unknown)), f"{name} is empty: every row needs one")
        self._require_encodable(name, values)
        if unknown.any():
            values = values.copy()
            values[unknown] = None
        return values

    def number(self, rule: NumberRule, column: RawColumn) -> FloatArray:
        """Give numbers, NaN where unknown.

        Raises
        ------
        TrafficError
            If a value is not a number, not finite, or outside the rule's range.
        """
        if column.values.dtype.kind in "fiub":
            values = column.values.astype(np.float64)
        else:
            values = self._parsed(rule.name, column)
        values[~column.known] = np.nan
        wrong = (~np.isfinite(values) & column.known) | rule.broken(values)
        if wrong.any():
            index = int(np.argmax(wrong))
            raise self.error(index, self._number_message(rule, float(values[index])))
        return values

    def _number_message(self, rule: NumberRule, value: float) -> str:
        if not np.isfinite(value):
            return f"{rule.name} is {value}: leave the cell empty (null) where it is unknown"
        return f"{rule.name} is {value:.6g}, not {rule.interval}: {rule.remedy}"

    def _parsed(self, name: str, column: RawColumn) -> FloatArray:
        filled = column.values.copy()
        filled[~column.known] = np.nan
        try:
            return filled.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            for index, value in enumerate(filled):
                if not _is_number(value):
                    message = f"{name} is {shown(value)}, not a number: write it as one, or leave it empty"
                    raise self.error(index, message) from error
            raise

    def prompts(self, prompt: RawColumn | None, messages: RawColumn | None) -> ObjectArray:
        """Give the requests: text, or a tuple of messages; messages go before a prompt where a row has both.

        Raises
        ------
        TrafficError
            If a row has neither, or what it has is neither text nor OpenAI messages with a user turn.
        """
        given = [column for column in (messages, prompt) if column is not None]
        values = given[0].values.copy()
        if messages is not None:
            values = as_objects((self._decoded(i, v) for i, v in enumerate(values)), len(values))
        known = given[0].known.copy()
        if len(given) == 2:
            values[~known] = given[1].values[~known]
            known |= given[1].known
        if not known.all():
            raise self.error(int(np.argmin(known)), "neither prompt nor messages: every row needs its request")
        if values.dtype != object or set(map(type, values)) != {str}:
            values = as_objects((self._request(i, v) for i, v in enumerate(values)), len(values))
        self._require_encodable("prompt", values)
        return values

    def _require_encodable(self, name: str, values: ObjectArray) -> None:
        """Refuse text with half a surrogate pair: a logger cut an emoji in two, and nothing downstream can write it."""
        for index, value in enumerate(values):
            if isinstance(value, str) and value.isascii():
                continue
            try:
                _plain(value).encode()
            except UnicodeEncodeError as error:
                message = f"{name} holds half a character at position {error.start + 1}: delete it"
                raise self.error(index, message) from error

    def _decoded(self, index: int, value: object) -> object:
        """Read messages that are written as JSON, as CSV must."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as error:
            message = f"messages is not JSON ({shown(value)}): write a list of messages, or call the column prompt"
            raise self.error(index, message) from error

    def _request(self, index: int, value: object) -> object:
        if isinstance(value, str):
            return value
        if not isinstance(value, list | tuple | np.ndarray):
            raise self.error(index, f"the prompt is {shown(value)}, not text: give a string or a list of messages")
        messages: tuple[Any, ...] = tuple(_without_nulls(message) for message in value)
        try:
            read_request(messages)
        except InvalidInputError as error:
            raise self.error(index, str(error).replace("\n", " ")) from error
        return messages

    def times(self, column: RawColumn) -> tuple[TimeArray, int]:
        """Give UTC times, NaT where unknown, and how many were written without a zone (they are read as UTC).

        Raises
        ------
        TrafficError
            If a value is neither ISO 8601 nor seconds since 1970.
        """
        if column.values.dtype.kind == "M":
            times = column.values.astype(TIME_DTYPE)
            times[~column.known] = np.datetime64("NaT")
            return times, 0 if column.zoned else int(column.known.sum())
        for index, value in enumerate(column.values):
            if isinstance(value, list | dict):
                raise self.error(index, _time_message(value))
        codes, distinct = factorize(column.values, len(column.values))
        parsed = np.empty(len(distinct), dtype=np.int64)
        naive = np.zeros(len(distinct), dtype=np.bool_)
        for position, value in enumerate(distinct):
            try:
                parsed[position], naive[position] = _microseconds(value)
            except (TypeError, ValueError, OverflowError) as error:
                raise self.error(int(np.argmax(codes == position)), _time_message(value)) from error
        return parsed[codes].view(TIME_DTYPE), int(naive[codes].sum())


def _reads_as_text(kind: type) -> bool:
    return issubclass(kind, str | int | np.integer | NoneType) and kind is not bool


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]  # the question is whether this fails
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _without_nulls(message: object) -> object:
    """Drop the keys that Parquet adds to every message because one message has them."""
    if not isinstance(message, dict):
        return message
    return {key: value for key, value in message.items() if value is not None or key == "content"}


def _microseconds(value: object) -> tuple[int, bool]:
    """Give microseconds since 1970 and whether the zone was missing; null is NaT."""
    if value is None or value == "":
        return int(np.datetime64("NaT").astype(np.int64)), False
    if isinstance(value, bool):
        raise TypeError("a truth value is not a time")
    if isinstance(value, int | float) or (isinstance(value, str) and _is_epoch(value)):
        seconds = float(value)
        if not EPOCH_SECONDS_LOW <= seconds < EPOCH_SECONDS_HIGH:
            raise ValueError("not seconds since 1970")
        return round(seconds * 1e6), False
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    naive = moment.tzinfo is None
    utc = moment.replace(tzinfo=UTC) if naive else moment
    return (utc - EPOCH) // timedelta(microseconds=1), naive


def _is_epoch(text: str) -> bool:
    return _is_number(text) and float(text) >= EPOCH_SECONDS_LOW


def _time_message(value: object) -> str:
    if isinstance(value, int | float) and value >= EPOCH_SECONDS_HIGH:
        return f"timestamp is {value}, not seconds since 1970: divide milliseconds by 1000"
    return (
        f"timestamp is {shown(value)}: write ISO 8601 (2026-01-31T08:00:00Z; without a zone it is read as UTC) "
        f"or seconds since 1970"
    )
