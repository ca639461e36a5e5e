"""JSONL, plain or gzipped: one object per line."""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from arbiter.errors import TrafficError
from arbiter_training.traffic.raw import RawChunk

CHUNK_ROWS = 50_000
"""Rows held as Python objects at a time."""

UTF8_BOM = b"\xef\xbb\xbf"


def read_jsonl(path: Path) -> Iterator[RawChunk]:
    """Read a file in chunks.

    Raises
    ------
    TrafficError
        If a line is not UTF-8, not JSON or not an object, or the file is cut short.
    """
    records: list[dict[str, Any]] = []
    row = 0
    for row, record in enumerate(json_records(path), start=1):
        records.append(record)
        if len(records) == CHUNK_ROWS:
            yield RawChunk.of_records(str(path), row - CHUNK_ROWS + 1, records)
            records = []
    if records:
        yield RawChunk.of_records(str(path), row - len(records) + 1, records)


def json_records(path: Path) -> Iterator[dict[str, Any]]:
    """Read the objects of a file one by one; blank lines are passed over.

    Lines end at line feeds alone: ``str.splitlines`` would also cut at U+2028, which JSON allows inside a text.

    Raises
    ------
    TrafficError
        As in :func:`read_jsonl`.
    """
    with _open(path) as stream:
        yield from records_of_lines(stream, path)


def records_of_lines(lines: Iterable[bytes], path: Path) -> Iterator[dict[str, Any]]:
    """Read the objects of lines, as they come; ``path`` is what errors name.

    Raises
    ------
    TrafficError
        As in :func:`read_jsonl`.
    """
    row = 0
    try:
        for line in lines:
            if line.isspace():
                continue
            row += 1
            yield _record(path, row, line.removeprefix(UTF8_BOM) if row == 1 else line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TrafficError(f"{path}: damaged or cut short after row {row} ({error}): fetch it again") from error


def _open(path: Path) -> gzip.GzipFile | BinaryIO:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _record(path: Path, row: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise TrafficError(f"{path}: row {row}: not UTF-8 at byte {error.start + 1}: save it as UTF-8") from error
    except (json.JSONDecodeError, RecursionError) as error:
        if not line.endswith(b"\n"):
            raise TrafficError(f"{path}: row {row}: the last line is cut short: write the file again") from error
        raise TrafficError(f"{path}: row {row}: not JSON ({error}): one object per line is expected") from error
    except ValueError as error:  # an integer of more than 4,300 digits
        raise TrafficError(f"{path}: row {row}: a number is too long ({error}): correct it") from error
    if not isinstance(record, dict):
        kind = type(record).__name__
        raise TrafficError(f"{path}: row {row}: a JSON {kind}, not an object: write one object per line")
    return record
