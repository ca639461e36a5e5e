"""Labelled requests from one file of any format that traffic comes in."""

import difflib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from arbiter.errors import TrafficError
from arbiter.gatekeeper.heads import HEADS
from arbiter.intake import read_request
from arbiter.records import Query
from arbiter.vocabulary import Risk
from arbiter_training.labelled import UNKNOWN, IntArray, LabelledPrompts
from arbiter_training.traffic.convert import ColumnChecker
from arbiter_training.traffic.places import Place, Places
from arbiter_training.traffic.raw import RawChunk, RawColumn
from arbiter_training.traffic.readers import raw_chunks

RISK = "risk"

COLUMNS: dict[str, tuple[str, ...]] = {**HEADS, RISK: tuple(Risk)}
"""Column to the labels that may stand in it; an empty cell is unknown."""

SOURCE = "source"
"""Column that says where a row comes from; the file's name stands in where there is none."""


def read_labelled_table(paths: Sequence[Path]) -> LabelledPrompts:
    """Read files of requests, their labels and where they come from.

    The columns are ``prompt`` or ``messages``, any of ``domain``, ``complexity``, ``harm``, ``stake`` and ``risk``, and
    ``source``.

    Parameters
    ----------
    paths : Parquet, JSONL or CSV files, or folders of such.

    Raises
    ------
    TrafficError
        If a file is missing, damaged or empty, has none of the columns of labels, no request in a row, or a label that
        is unknown; the message names file, row and the nearest label.
    """
    queries: list[Query] = []
    found: dict[str, list[IntArray]] = {head: [] for head in COLUMNS}
    sources: list[str] = []
    for chunk in raw_chunks(paths):
        _require_labels(chunk)
        check = ColumnChecker(Places([Place(source=chunk.source, first_row=chunk.first_row, n_rows=chunk.n_rows)]))
        requests = check.prompts(chunk.columns.get("prompt"), chunk.columns.get("messages"))
        queries += [read_request(request) for request in requests]
        for head, parts in found.items():
            parts.append(_labels(check, head, chunk.columns.get(head), chunk.n_rows))
        sources += _sources(check, chunk)
    labels = {head: np.concatenate(parts) for head, parts in found.items()}
    known = {head: values for head, values in labels.items() if (values != UNKNOWN).any()}
    if not known:
        raise TrafficError(f"{', '.join(map(str, paths))}: no row has a label; fill in {_listed()}")
    return LabelledPrompts(queries=tuple(queries), labels=known, sources=tuple(sources), flags={})


def _require_labels(chunk: RawChunk) -> None:
    if not {"prompt", "messages"} & chunk.columns.keys():
        raise TrafficError(f"{chunk.source}: no column 'prompt' or 'messages'; it has {', '.join(chunk.columns)}")
    if COLUMNS.keys() & chunk.columns.keys():
        return
    near = [(name, close[0]) for name in chunk.columns if (close := difflib.get_close_matches(name, COLUMNS, n=1))]
    hint = f"rename the column {near[0][0]!r} to {near[0][1]!r}" if near else f"add one of {_listed()}"
    raise TrafficError(f"{chunk.source}: no column of labels: {hint}")


def _labels(check: ColumnChecker, head: str, column: RawColumn | None, n: int) -> IntArray:
    indices = np.full(n, UNKNOWN, dtype=np.int64)
    if column is None:
        return indices
    place = {str(label): i for i, label in enumerate(COLUMNS[head])}
    for row, label in enumerate(check.text(head, column)):
        if label is not None and label not in place:
            near = difflib.get_close_matches(label.lower(), list(place), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it must be one of {', '.join(place)}, or empty"
            raise check.error(row, f"{head} {label!r:.60} is unknown: {hint}")
        if label is not None:
            indices[row] = place[label]
    return indices


def _sources(check: ColumnChecker, chunk: RawChunk) -> list[str]:
    own = Path(chunk.source).name
    column = chunk.columns.get(SOURCE)
    if column is None:
        return [own] * chunk.n_rows
    return [own if value is None else str(value) for value in check.text(SOURCE, column)]


def _listed() -> str:
    return ", ".join(COLUMNS)
