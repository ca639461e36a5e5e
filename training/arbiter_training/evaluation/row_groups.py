"""Traffic in Parquet, request by request, in flat memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from arbiter.errors import TrafficError
from arbiter_training.traffic.read_parquet import parquet_metadata, pyarrow_modules, record_batches

ID = "request_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """One row group of one file: what Parquet can read without the rest.

    Attributes
    ----------
    path : the file.
    index : of the group within it.
    rows : number of rows.
    """

    path: Path
    index: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What to read, and how much at once.

    Attributes
    ----------
    columns : by name; ``request_id`` is always read.
    batch_rows : rows decoded at a time.
    """

    columns: tuple[str, ...]
    batch_rows: int = 131_072


def row_groups(source: Path) -> tuple[RowGroup, ...]:
    """Give the row groups of a file, or of all ``*.parquet`` files of a folder in the order of their names.

    Raises
    ------
    TrafficError
        If there is no Parquet file or one cannot be read.
    """
    files = sorted(source.glob("*.parquet")) if source.is_dir() else [source]
    if not files:
        raise TrafficError(f"{source} holds no *.parquet file: name the file, or a folder of such")
    return tuple(
        RowGroup(path=file, index=index, rows=int(meta.row_group(index).num_rows))
        for file in files
        for meta in [parquet_metadata(file)]
        for index in range(meta.num_row_groups)
    )


def column_names(groups: Sequence[RowGroup]) -> tuple[str, ...]:
    """Give the names of the columns that every file has."""
    files = dict.fromkeys(group.path for group in groups)
    named = [list(parquet_metadata(path).schema.to_arrow_schema().names) for path in files]
    return tuple(name for name in named[0] if all(name in others for others in named[1:]))


def has_nulls(groups: Sequence[RowGroup], column: str) -> bool:
    """Tell whether a column may have nulls, by the statistics of its row groups; True where these are not written."""
    for path in dict.fromkeys(group.path for group in groups):
        meta = parquet_metadata(path)
        at = meta.schema.names.index(column)
        for index in range(meta.num_row_groups):
            statistics = meta.row_group(index).column(at).statistics
            if statistics is None or not statistics.has_null_count or statistics.null_count > 0:
                return True
    return False


def parts_of(n_groups: int, n_parts: int) -> tuple[slice, ...]:
    """Cut a run of row groups into at most ``n_parts`` parts of about equal number."""
    edges = np.linspace(0, n_groups, min(n_parts, n_groups) + 1).astype(int)
    return tuple(slice(int(a), int(b)) for a, b in pairwise(edges))


def read_requests(groups: Sequence[RowGroup], part: slice, reading: Reading) -> Iterator[Any]:
    """Give the requests that BEGIN in a part, as tables of whole requests.

    The rows of one request must follow one another. They may lie across batches, row groups and files: what begins in
    the part before is left to it, and what goes on in the part after is read from there.

    Parameters
    ----------
    groups : all row groups of the traffic.
    part : which of them.
    reading : columns and batch size.

    Yields
    ------
    table : ``pyarrow.Table``, never half a request.

    Raises
    ------
    TrafficError
        If a file cannot be read, or the rows of a request lie apart within a batch.
    """
    arrow = pyarrow_modules()
    before = _last_id(groups[part.start - 1]) if part.start > 0 else None
    kept = None
    for batch in _batches(arrow, groups[part.start : part.stop], reading):
        held = batch.slice(_leading(arrow, batch, before)) if before is not None else batch
        before = before if held.num_rows == 0 else None
        if held.num_rows == 0:
            continue
        joined = held if kept is None else arrow.concat_tables([kept, held])
        last = int(request_starts(arrow, joined)[-1])
        if last > 0:
            yield joined.slice(0, last)
        kept = joined.slice(last)
    if kept is not None:
        yield _completed(arrow, kept, _batches(arrow, groups[part.stop :], reading))


def request_starts(arrow: Any, table: Any) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Give the first row of each request.

    Raises
    ------
    TrafficError
        If an id is missing, or the rows of a request lie apart.
    """
    ids = _ids(arrow, table)
    if ids.null_count:
        raise TrafficError(f"{ID} is empty in {ids.null_count} rows: every row needs one")
    changes = arrow.compute.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1]).astype(np.int64)
    if arrow.compute.count_distinct(ids).as_py() != starts.size:
        raise TrafficError(f"the rows of some {ID} lie apart: sort the traffic by it, so that they follow one another")
    return starts


def _completed(arrow: Any, kept: Any, following: Iterator[Any]) -> Any:
    """Add the rows with which the last request goes on in the next part."""
    last = _ids(arrow, kept)[-1].as_py()
    for batch in following:
        lead = _leading(arrow, batch, last)
        kept = arrow.concat_tables([kept, batch.slice(0, lead)])
        if lead < batch.num_rows:
            break
    return kept


def _leading(arrow: Any, table: Any, value: object) -> int:
    """Return how many rows at the top belong to a request."""
    same = arrow.compute.equal(_ids(arrow, table), value).to_numpy(zero_copy_only=False)
    return int(same.size if same.all() else np.argmin(same))


def _ids(arrow: Any, table: Any) -> Any:
    ids = table.column(ID).combine_chunks()
    return ids.dictionary_decode() if arrow.types.is_dictionary(ids.type) else ids


def _last_id(group: RowGroup) -> object:
    rows = [batch for batch in record_batches(group.path, group.rows, [ID], [group.index]) if batch.num_rows]
    return rows[-1].column(ID)[-1].as_py()


def _batches(arrow: Any, groups: Sequence[RowGroup], reading: Reading) -> Iterator[Any]:
    columns = list(dict.fromkeys((ID, *reading.columns)))
    for path in dict.fromkeys(group.path for group in groups):
        wanted = [group.index for group in groups if group.path == path]
        for batch in record_batches(path, reading.batch_rows, columns, wanted):
            if batch.num_rows:
                yield arrow.Table.from_batches([batch])
