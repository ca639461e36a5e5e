"""A traffic table in Parquet, checked column by column: ten million rows are then a matter of minutes."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter.intake import read_request
from arbiter_training.importing.items import Reason
from arbiter_training.importing.texts import as_text
from arbiter_training.traffic.columns import KNOWN, LABELS, NUMBER_RULES, PROMPTS, REQUIRED, STATUS_OK, BoolArray
from arbiter_training.traffic.read_parquet import pyarrow_modules

HALF = "_half"
"""Helper column: which half of a call a row is; never in the result, and never set in a traffic table."""

STAND_IN = "_stand_in"
"""Helper column: whether a row tells of a call that was made in the place of the model it is about."""

HELPERS = frozenset((HALF, STAND_IN))

TEXTS = ("request_id", "prompt", "messages", "session_id", "model", "status", *LABELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columnar:
    """What a batch came to.

    Attributes
    ----------
    table : the rows that can be used.
    refused : row of the batch, reason and value of the others.
    naive : times without a zone; they are read as UTC.
    """

    table: Any
    refused: list[tuple[int, Reason, str]]
    naive: int


def columnar(batch: Any) -> Columnar | None:
    """Check a batch.

    Parameters
    ----------
    batch : ``pyarrow.RecordBatch``.

    Returns
    -------
    found : None where a column is missing or of a type that has to be read value by value.
    """
    arrow = pyarrow_modules()
    names = batch.schema.names
    if not set(REQUIRED) <= set(names) or not set(PROMPTS) & set(names) or "currency" in names:
        return None
    columns = {name: _typed(arrow, name, batch) for name in KNOWN if name in names}
    if any(column is None for column in columns.values()):
        return None
    n = batch.num_rows
    for name in TEXTS[:6]:
        columns.setdefault(name, arrow.nulls(n, arrow.string()))
    refusals = _Refusals(n)
    for name, reason in (("request_id", Reason.NOT_THE_FORMAT), ("model", Reason.NO_MODEL)):
        refusals.mark(_empty(arrow, columns[name]), reason, f"no {name}")
    refusals.mark(~_known(columns["prompt"]) & ~_known(columns["messages"]), Reason.NO_REQUEST)
    _check_messages(columns["messages"], refusals)
    for rule in NUMBER_RULES:
        columns[rule.name] = _number(arrow, columns.get(rule.name), rule, refusals)
    naive = _times(arrow, columns, n)
    columns["status"] = columns["status"].fill_null(STATUS_OK)
    columns |= _extras(arrow, batch, [name for name in names if name not in KNOWN])
    columns[HALF] = arrow.nulls(n, arrow.string())
    table = arrow.table({name: columns[name] for name in dict.fromkeys((*KNOWN, *columns)) if name in columns})
    return Columnar(table=table.filter(arrow.array(~refusals.marked)), refused=refusals.found(), naive=naive)


class _Refusals:
    """The first reason of each row that cannot be used."""

    def __init__(self, n: int) -> None:
        self.marked: BoolArray = np.zeros(n, dtype=np.bool_)
        self._why: dict[int, tuple[Reason, str]] = {}

    def mark(self, rows: BoolArray, reason: Reason, detail: str = "") -> None:
        for row in np.flatnonzero(rows & ~self.marked).tolist():
            self.mark_row(row, reason, detail)

    def mark_row(self, row: int, reason: Reason, detail: str) -> None:
        self._why.setdefault(row, (reason, detail))
        self.marked[row] = True

    def found(self) -> list[tuple[int, Reason, str]]:
        return [(row, *self._why[row]) for row in sorted(self._why)]


def _typed(arrow: Any, name: str, batch: Any) -> Any:
    """Give a column in the type of the traffic table; None where that takes more than a cast."""
    column = batch.column(name)
    kind = column.type
    types = arrow.types
    if types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if types.is_null(kind):
        return column.cast(arrow.string() if name in TEXTS else arrow.float64()) if name != "timestamp" else column
    if name == "timestamp":
        return column if types.is_timestamp(kind) else None
    if name in TEXTS:
        if types.is_integer(kind) and name not in PROMPTS:
            return column.cast(arrow.string())
        return column.cast(arrow.string()) if types.is_string(kind) or types.is_large_string(kind) else None
    return column.cast(arrow.float64(), safe=False) if types.is_floating(kind) or types.is_integer(kind) else None


def _known(column: Any) -> BoolArray:
    known: NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    return known


def _empty(arrow: Any, column: Any) -> BoolArray:
    empty: BoolArray = arrow.compute.equal(column, "").fill_null(True).to_numpy(zero_copy_only=False)
    return ~_known(column) | empty


def _number(arrow: Any, column: Any, rule: Any, refusals: _Refusals) -> Any:
    """Check numbers; NaN is unknown, as many writers mean by it."""
    if column is None:
        return arrow.nulls(refusals.marked.size, arrow.float64())
    values = column.to_numpy(zero_copy_only=False)
    wrong = np.isinf(values) | rule.broken(values)
    if wrong.any():
        refusals.mark(wrong, Reason.BAD_NUMBER, f"{rule.name} is {values[int(np.argmax(wrong))]:.6g}")
    return arrow.array(values, from_pandas=True)


def _times(arrow: Any, columns: dict[str, Any], n: int) -> int:
    column = columns.get("timestamp")
    wanted = arrow.timestamp("us", "UTC")
    if column is None or arrow.types.is_null(column.type):
        columns["timestamp"] = arrow.nulls(n, wanted)
        return 0
    naive = column.type.tz is None
    columns["timestamp"] = column.cast(arrow.timestamp("us", column.type.tz), safe=False).cast(wanted)
    return int(_known(column).sum()) if naive else 0


def _check_messages(column: Any, refusals: _Refusals) -> None:
    for row in np.flatnonzero(_known(column)).tolist():
        try:
            read_request(tuple(json.loads(column[row].as_py())))
        except (InvalidInputError, ValueError, TypeError, RecursionError) as error:
            refusals.mark_row(row, Reason.NO_REQUEST, str(error).replace("\n", " ")[:80])


def _extras(arrow: Any, batch: Any, names: Iterable[str]) -> dict[str, Any]:
    """Give the extra columns in types that every part can share: text, numbers, truth values."""
    return {name: _plain(arrow, batch.column(name)) for name in names}


def _plain(arrow: Any, column: Any) -> Any:
    kind, types = column.type, arrow.types
    if types.is_integer(kind) or types.is_floating(kind):
        return column.cast(arrow.float64(), safe=False)
    if types.is_boolean(kind) or types.is_string(kind):
        return column
    if types.is_timestamp(kind) or types.is_large_string(kind) or types.is_null(kind):
        return column.cast(arrow.string())
    return arrow.array([None if value is None else as_text(value) for value in column.to_pylist()], arrow.string())
