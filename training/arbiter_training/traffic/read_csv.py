"""CSV with a header; an empty cell is unknown."""

import csv
import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from arbiter.errors import TrafficError
from arbiter_training.traffic.raw import RawChunk

CHUNK_ROWS = 50_000
"""Rows held as Python objects at a time."""


def read_csv(path: Path) -> Iterator[RawChunk]:
    """Read a file in chunks.

    Raises
    ------
    TrafficError
        If the file is not UTF-8, a row is longer or shorter than the header, or a quote is never closed.
    """
    records: list[dict[str, object]] = []
    row = 0
    for row, record in enumerate(csv_records(path), start=1):
        records.append(record)
        if len(records) == CHUNK_ROWS:
            yield RawChunk.of_records(str(path), row - CHUNK_ROWS + 1, records)
            records = []
    if records:
        yield RawChunk.of_records(str(path), row - len(records) + 1, records)


def csv_records(path: Path) -> Iterator[dict[str, object]]:
    """Read the rows of a file, plain or gzipped, one by one; an empty cell is None.

    Raises
    ------
    TrafficError
        As in :func:`read_csv`.
    """
    row = 0
    with _open(path) as stream, _long_fields():
        reader = csv.reader(stream, strict=True)
        try:
            header = _header(path, next(reader, []))
            for cells in reader:
                if cells:
                    row += 1
                    yield _record(path, row, header, cells)
        except UnicodeDecodeError as error:
            message = f"not UTF-8 in or near row {row + 1}: save it as UTF-8 (in a spreadsheet: CSV UTF-8)"
            raise TrafficError(f"{path}: {message}") from error
        except csv.Error as error:
            message = f"{error}: a quote is not closed, or the file is cut short"
            raise TrafficError(f"{path}: row {row + 1}: {message}") from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise TrafficError(f"{path}: damaged or cut short after row {row} ({error}): fetch it again") from error


def _open(path: Path) -> TextIO:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _header(path: Path, names: list[str]) -> list[str]:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise TrafficError(f"{path}: the header has the column {sorted(twice)[0]!r} twice: rename or delete one")
    return [name.strip() for name in names]


def _record(path: Path, row: int, header: list[str], cells: list[str]) -> dict[str, object]:
    if len(cells) != len(header):
        raise TrafficError(
            f"{path}: row {row}: {len(cells)} cells, but the header has {len(header)}: "
            f"the file is cut short, or a text with a comma or line break lacks its quotes"
        )
    record: dict[str, object] = {name: cell or None for name, cell in zip(header, cells, strict=True)}
    if "prompt" in record and not record.get("messages"):
        record["prompt"] = record["prompt"] or ""  # CSV cannot tell an empty prompt from none; the row is a request
    return record


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let a cell be longer than csv's 131,072 characters: prompts are; the limit is global, so it is put back."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
