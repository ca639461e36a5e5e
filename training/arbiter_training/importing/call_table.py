"""Calls as a table of Arrow's columns."""

from collections.abc import Callable, Sequence
from typing import Any

from arbiter_training.importing.columnar import HALF
from arbiter_training.importing.items import Call
from arbiter_training.importing.texts import as_text
from arbiter_training.traffic.columns import NUMBERS
from arbiter_training.traffic.read_parquet import pyarrow_modules


def call_table(calls: Sequence[Call]) -> Any:
    """Give calls as a table; extras are kept as they are where a column holds one kind of value, else as text."""
    arrow = pyarrow_modules()
    text, real = arrow.string(), arrow.float64()

    def column(take: Callable[[Call], object], kind: Any) -> Any:
        return arrow.array([take(call) for call in calls], type=kind)

    micros = [None if c.timestamp is None else round(c.timestamp * 1e6) for c in calls]
    columns = {
        "request_id": column(lambda c: c.request_id, text),
        "prompt": column(lambda c: c.request if isinstance(c.request, str) else None, text),
        "messages": column(lambda c: c.body, text),
        "timestamp": arrow.array(micros, type=arrow.int64()).cast(arrow.timestamp("us", "UTC")),
        "session_id": column(lambda c: c.session_id, text),
        "model": column(lambda c: c.model, text),
        "status": column(lambda c: c.status, text),
        **{name: arrow.array([getattr(c, name) for c in calls], type=real) for name in NUMBERS},
        HALF: column(lambda c: c.half, text),
    }
    names = {name: None for call in calls for name in call.extras}
    for name in names:
        if name not in columns:
            columns[name] = _extra(arrow, [call.extras.get(name) for call in calls])
    return arrow.table(columns)


def _extra(arrow: Any, values: list[Any]) -> Any:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool} or kinds <= {str}:
        return arrow.array(values, type=arrow.bool_() if kinds == {bool} else arrow.string())
    if kinds <= {int, float}:
        try:
            return arrow.array([None if value is None else float(value) for value in values], type=arrow.float64())
        except OverflowError:
            pass
    return arrow.array([None if value is None else as_text(value) for value in values], type=arrow.string())
