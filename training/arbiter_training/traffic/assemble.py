"""Raw chunks to one checked table: columns first, then what only shows between rows."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from arbiter.errors import TrafficError
from arbiter_training.traffic.columns import (
    KNOWN,
    LABELS,
    NUMBER_RULES,
    NUMBERS,
    PROMPTS,
    REQUIRED,
    STATUS_OK,
    TIME_DTYPE,
    BoolArray,
    IntArray,
    ObjectArray,
    as_objects,
    factorize,
    is_none,
    nearest,
)
from arbiter_training.traffic.convert import ColumnChecker
from arbiter_training.traffic.places import Place, Places, shown
from arbiter_training.traffic.raw import RawChunk, RawColumn
from arbiter_training.traffic.table import CORE, ReadingNotes, TrafficTable

COMPARED = tuple(name for name in CORE if name not in ("request_id", "model", "prompt", "session_id"))
"""Duplicates must agree in these; prompt and session are compared over the whole request already."""


def assemble(chunks: Iterable[RawChunk], named: str) -> TrafficTable:
    """Check chunks and put them together.

    Parameters
    ----------
    chunks : in order.
    named : what the user asked to read, for the error when there is nothing in it.

    Raises
    ------
    TrafficError
        If a required column is missing, there are no rows, a value is wrong, or rows contradict each other.
    """
    shared: dict[object, object] = {}
    places: list[Place] = []
    parts: list[TrafficTable] = []
    for chunk in chunks:
        if chunk.n_rows:
            places.append(Place(source=chunk.source, first_row=chunk.first_row, n_rows=chunk.n_rows))
            parts.append(_checked(chunk, places[-1], shared))
    if not parts:
        raise TrafficError(f"{named}: holds no rows: give a file with at least one logged request")
    return drop_duplicates(_joined(parts, places), Places(places))


def require_columns(chunk: RawChunk) -> None:
    """Check that the columns without which a row says nothing are there.

    Raises
    ------
    TrafficError
        If one is missing; the nearest name that is there is suggested.
    """
    for name in REQUIRED:
        if name not in chunk.columns:
            raise _missing(chunk, name, f"'{name}'")
    if not set(PROMPTS) & set(chunk.columns):
        raise _missing(chunk, "prompt", "'prompt' (or 'messages')")


def _missing(chunk: RawChunk, name: str, called: str) -> TrafficError:
    unknown = [column for column in chunk.columns if column not in KNOWN]
    close = nearest(name, unknown)
    remedy = f"rename the column '{close}'" if close else f"add it; the columns are {', '.join(chunk.columns)}"
    return TrafficError(f"{chunk.source}: row {chunk.first_row}: no column {called}: {remedy}")


def _checked(chunk: RawChunk, place: Place, shared: dict[object, object]) -> TrafficTable:
    require_columns(chunk)
    places, columns, n = Places([place]), chunk.columns, chunk.n_rows
    empty = RawColumn(values=as_objects([None] * n, n), known=np.zeros(n, dtype=np.bool_))
    ids = ColumnChecker(places).text("request_id", columns["request_id"], required=True)
    checker = ColumnChecker(places, ids)

    def text(name: str, required: bool = False) -> ObjectArray:
        return _shared(checker.text(name, columns.get(name, empty), required), shared)

    times, naive = checker.times(columns.get("timestamp", empty))
    status = text("status")
    status[is_none(status)] = STATUS_OK
    numbers = {rule.name: checker.number(rule, columns.get(rule.name, empty)) for rule in NUMBER_RULES}
    return TrafficTable(
        request_id=_shared(ids, shared),
        prompt=_shared(checker.prompts(columns.get("prompt"), columns.get("messages")), shared),
        model=text("model", required=True),
        timestamp=times,
        session_id=text("session_id"),
        status=status,
        **numbers,
        labels={name: text(name) for name in LABELS if name in columns},
        extras={name: _extra(column) for name, column in columns.items() if name not in KNOWN},
        notes=ReadingNotes(rows_read=n, naive_timestamps=naive, hints=_hints(columns)),
    )


def _shared(values: ObjectArray, seen: dict[object, object]) -> ObjectArray:
    """Let equal texts be one object, so that a prompt answered by sixteen models is held once."""
    return as_objects((seen.setdefault(v, v) if isinstance(v, str) else v for v in values), len(values))


def _extra(column: RawColumn) -> ObjectArray:
    values = as_objects(column.values.tolist() if column.values.dtype != object else column.values, len(column.known))
    values[~column.known] = None
    return values


def _hints(columns: Iterable[str]) -> tuple[str, ...]:
    """Name the extra columns that look like a known one that is not there."""
    names = list(columns)
    absent = [name for name in NUMBERS if name not in names]
    close = ((name, nearest(name, absent)) for name in names if name not in KNOWN)
    return tuple(f"column '{name}' is kept as an extra; rename it if it is '{like}'" for name, like in close if like)


def _joined(parts: Sequence[TrafficTable], places: Sequence[Place]) -> TrafficTable:
    def join(group: str) -> dict[str, ObjectArray]:
        names = {name: None for part in parts for name in getattr(part, group)}
        columns = {name: [_or_none(getattr(part, group).get(name), part.n_rows) for part in parts] for name in names}
        return {name: np.concatenate(pieces) for name, pieces in columns.items()}

    notes = ReadingNotes(
        sources=tuple(dict.fromkeys(place.source for place in places)),
        rows_read=sum(part.notes.rows_read for part in parts),
        naive_timestamps=sum(part.notes.naive_timestamps for part in parts),
        hints=tuple(dict.fromkeys(hint for part in parts for hint in part.notes.hints)),
    )
    core = {name: np.concatenate([getattr(part, name) for part in parts]) for name in CORE}
    return TrafficTable(**core, labels=join("labels"), extras=join("extras"), notes=notes)


def _or_none(values: ObjectArray | None, n: int) -> ObjectArray:
    return np.full(n, None, dtype=object) if values is None else values


def drop_duplicates(table: TrafficTable, places: Places) -> TrafficTable:
    """Drop rows that repeat another row of the same request and model, and count them in the notes.

    Extra columns are not compared: a log line's own number does not make a second answer.

    Raises
    ------
    TrafficError
        If two rows of one request differ in prompt or session, or two of one request and model in anything.
    """
    requests, ids = factorize(table.request_id, table.n_rows)
    models, names = factorize(table.model, table.n_rows)
    first_of_request = _firsts(requests, len(ids))[requests]
    for name in ("prompt", "session_id"):
        _require_agreement(table, places, name, first_of_request)
    _, first, pair = np.unique(requests * len(names) + models, return_index=True, return_inverse=True)
    first_of_pair = first[pair]
    rows = np.flatnonzero(first_of_pair != np.arange(table.n_rows))
    if rows.size == 0:
        return table
    for name in (*COMPARED, *table.labels):
        _require_agreement(table, places, name, first_of_pair, rows)
    keep = first_of_pair == np.arange(table.n_rows)
    return replace(table.select(keep), notes=replace(table.notes, duplicates_dropped=int(rows.size)))


def _firsts(codes: IntArray, n_codes: int) -> IntArray:
    """Give the row in which each code occurs first: of repeated writes the last one holds, so write backwards."""
    first = np.zeros(n_codes, dtype=np.int64)
    first[codes[::-1]] = np.arange(codes.size)[::-1]
    return first


def _require_agreement(
    table: TrafficTable, places: Places, name: str, first: IntArray, rows: IntArray | None = None
) -> None:
    values = table.column(name)
    rows = np.arange(table.n_rows) if rows is None else rows
    differs = _differ(values[rows], values[first[rows]])
    if not differs.any():
        return
    row = int(rows[int(np.argmax(differs))])
    other = int(first[row])
    same_model = table.model[row] == table.model[other]
    model = f" and model {shown(table.model[row])}" if same_model else ""
    raise places.error(
        row,
        table.request_id[row],
        f"{name} differs from {places.name(other)}, which has the same request_id{model} "
        f"({_cell(values[row])} and {_cell(values[other])}): correct one, or give each request its own request_id",
    )


def _cell(value: object) -> str:
    plain = value.item() if isinstance(value, np.generic) and not isinstance(value, np.datetime64) else value
    return str(plain) if isinstance(plain, np.datetime64) else shown(plain)


def _differ(left: ObjectArray, right: ObjectArray) -> BoolArray:
    if left.dtype == object:
        return np.fromiter((a is not b and a != b for a, b in zip(left, right, strict=True)), np.bool_, left.size)
    unknown = np.isnat if left.dtype == np.dtype(TIME_DTYPE) else np.isnan
    both_unknown: BoolArray = unknown(left) & unknown(right)
    differs: BoolArray = (left != right) & ~both_unknown
    return differs
