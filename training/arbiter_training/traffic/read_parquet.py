"""Parquet, by pyarrow: the one home of reading it, whole or by row groups (the writer is beside)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from arbiter.errors import MissingExtraError, TrafficError
from arbiter_training.traffic.columns import TIME_DTYPE, as_objects
from arbiter_training.traffic.raw import RawChunk, RawColumn

CHUNK_ROWS = 262_144
"""Rows decoded at a time; large enough that numpy does the work, small enough to keep memory flat."""


def pyarrow_modules() -> Any:
    """Give pyarrow with its compute and parquet modules loaded.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError.of("pyarrow", "train") from error
    return pyarrow


def read_parquet(path: Path) -> Iterator[RawChunk]:
    """Read a file in chunks.

    Raises
    ------
    TrafficError
        If the file is not Parquet, is damaged or is cut short.
    MissingExtraError
        If pyarrow is not installed.
    """
    arrow = pyarrow_modules()
    row = 1
    for batch in record_batches(path, CHUNK_ROWS):
        columns = {name: _column(arrow, batch.column(name)) for name in batch.schema.names}
        yield RawChunk(source=str(path), first_row=row, n_rows=batch.num_rows, columns=columns)
        row += batch.num_rows


def record_batches(
    path: Path, batch_rows: int, columns: Sequence[str] | None = None, groups: Sequence[int] | None = None
) -> Iterator[Any]:
    """Give a file's rows, some at a time.

    Parameters
    ----------
    path : of the file.
    batch_rows : most rows decoded at once.
    columns : by name; None reads all.
    groups : row groups by number; None reads all.

    Yields
    ------
    batch : ``pyarrow.RecordBatch``.

    Raises
    ------
    TrafficError
        If the file is not Parquet, is damaged or is cut short.
    MissingExtraError
        If pyarrow is not installed.
    """
    arrow = pyarrow_modules()
    row = 0
    wanted = None if columns is None else list(columns)
    chosen = None if groups is None else list(groups)
    try:
        with arrow.parquet.ParquetFile(path, pre_buffer=False) as file:  # else every row group read stays in memory
            for batch in file.iter_batches(batch_rows, row_groups=chosen, columns=wanted):
                batch.validate(full=True)  # reading does not see to it that texts are UTF-8
                yield batch
                row += batch.num_rows
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, row, error) from error


def parquet_metadata(path: Path) -> Any:
    """Give a file's ``pyarrow.parquet.FileMetaData``.

    Raises
    ------
    TrafficError
        If the file is not Parquet or is damaged.
    MissingExtraError
        If pyarrow is not installed.
    """
    arrow = pyarrow_modules()
    try:
        return arrow.parquet.read_metadata(path)
    except (arrow.ArrowException, OSError) as error:
        raise _unreadable(path, 0, error) from error


def _unreadable(path: Path, row: int, error: BaseException) -> TrafficError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    message = f"not readable as Parquet after row {row} ({reason}): cut short or damaged; write it again"
    return TrafficError(f"{path}: {message}")


def _column(arrow: Any, array: Any) -> RawColumn:
    kind = array.type
    known = array.is_valid().to_numpy(zero_copy_only=False)
    if arrow.types.is_floating(kind) or arrow.types.is_integer(kind) or arrow.types.is_boolean(kind):
        filled = array.fill_null(False if arrow.types.is_boolean(kind) else 0)
        return RawColumn(values=filled.to_numpy(zero_copy_only=False), known=known)
    if arrow.types.is_timestamp(kind):
        micros = array.cast(arrow.timestamp("us", kind.tz), safe=False).cast("int64").fill_null(0)
        times = micros.to_numpy(zero_copy_only=False).view(TIME_DTYPE)
        return RawColumn(values=times.copy(), known=known, zoned=kind.tz is not None)
    stored = kind.value_type if arrow.types.is_dictionary(kind) else kind
    if arrow.types.is_string(stored) or arrow.types.is_large_string(stored):
        return RawColumn(values=_texts(arrow, array), known=known)
    return RawColumn.of(array.to_pylist())


def _texts(arrow: Any, array: Any) -> Any:
    """Give an object array in which equal texts are one object: a prompt that K models answered is kept once."""
    coded = array if arrow.types.is_dictionary(array.type) else array.dictionary_encode()
    distinct = as_objects([*coded.dictionary.to_pylist(), None], len(coded.dictionary) + 1)
    return distinct[coded.indices.fill_null(len(coded.dictionary)).to_numpy(zero_copy_only=False)]
