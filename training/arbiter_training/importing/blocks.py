"""A log in blocks: stretches small enough to hold, each with the place after it, where a killed import goes on."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from arbiter.errors import TrafficError
from arbiter_training.importing.json_stream import json_items
from arbiter_training.importing.lines import RawLines, line_blocks
from arbiter_training.importing.reading import Record
from arbiter_training.traffic.read_csv import csv_records
from arbiter_training.traffic.read_parquet import record_batches

BLOCK_ROWS = 16_384
"""Records of a block where they are read one by one."""

BATCH_ROWS = 65_536
"""Rows of a block of Parquet."""

ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".parquet", ".jsonl.gz", ".ndjson.gz", ".json.gz", ".csv.gz")
"""Of the files in a folder that are read; a file that is named itself may have any ending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Consecutive records of one source.

    Attributes
    ----------
    source : as the user named it.
    first_row : number of the first record in its source, from 1.
    after : rows of this source that are read when this block is.
    payload : lines as bytes, records, or a ``pyarrow.RecordBatch``.
    """

    source: str
    first_row: int
    after: int
    payload: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Something that can be read in blocks, from any row on.

    Attributes
    ----------
    name : as the user named it.
    mark : changes when what it holds does; part of what a started import is recognised by.
    blocks : gives the blocks after so many rows.
    """

    name: str
    mark: str
    blocks: Callable[[int], Iterator[Block]]


def log_files(paths: Iterable[str | Path]) -> list[Path]:
    """Give the files of files and folders, in the order of their names.

    Raises
    ------
    TrafficError
        If a path is not there, or a folder holds no file that can be read.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [p for p in path.rglob("*") if p.is_file() and p.name.lower().endswith(ENDINGS)]
            files = sorted(
                p for p in inside if not any(part.startswith((".", "_")) for part in p.relative_to(path).parts)
            )
            if not files:
                raise TrafficError(f"{path}: the folder holds no file that ends in {', '.join(ENDINGS)}")
            found += files
        elif path.is_file():
            found.append(path)
        else:
            raise TrafficError(f"{path}: no such file: check the path")
    return found


def file_source(path: Path) -> Source:
    """Give a file as a source; what kind it is follows from its content, not its name.

    Raises
    ------
    TrafficError
        If it cannot be opened.
    """
    try:
        stat = path.stat()
        kind = sniffed(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    return Source(
        name=str(path),
        mark=f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}",
        blocks=lambda done: _guarded(path, KINDS[kind](path, done)),
    )


def sniffed(path: Path) -> str:
    """Give ``parquet``, ``json`` (one document), ``jsonl`` or ``csv`` by how a file begins."""
    with RawLines(path) as lines:
        head = lines.peek()
    if head.startswith(b"PAR1"):
        return "parquet"
    stripped = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if stripped.startswith(b"["):
        return "json"
    if stripped.startswith(b"{"):
        first, _, rest = stripped.partition(b"\n")
        return "jsonl" if first.rstrip().endswith(b"}") or not rest.strip() else "json"
    return "csv"


def record_blocks(source: str, records: Iterable[Record], done: int = 0, rows: int = BLOCK_ROWS) -> Iterator[Block]:
    """Give records in blocks.

    Parameters
    ----------
    source : of the records.
    records : all, or those after ``done``.
    done : how many come before the first.
    rows : of a block.
    """
    remaining = iter(records)
    while part := list(islice(remaining, rows)):
        yield Block(source=source, first_row=done + 1, after=done + len(part), payload=part)
        done += len(part)


def _csv(path: Path, done: int) -> Iterator[Block]:
    return record_blocks(str(path), islice(csv_records(path), done, None), done)


def _json(path: Path, done: int) -> Iterator[Block]:
    return record_blocks(str(path), islice(json_items(path), done, None), done)


def _jsonl(path: Path, done: int) -> Iterator[Block]:
    for first_row, after, lines in line_blocks(path, done):
        yield Block(source=str(path), first_row=first_row, after=after, payload=lines)


def _parquet(path: Path, done: int) -> Iterator[Block]:
    row = 0
    for batch in record_batches(path, BATCH_ROWS):
        if row + batch.num_rows > done:
            yield Block(source=str(path), first_row=row + 1, after=row + batch.num_rows, payload=batch)
        row += batch.num_rows


KINDS: Mapping[str, Callable[[Path, int], Iterator[Block]]] = {
    "parquet": _parquet,
    "json": _json,
    "jsonl": _jsonl,
    "csv": _csv,
}


def _guarded(path: Path, blocks: Iterator[Block]) -> Iterator[Block]:
    try:
        yield from blocks
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> TrafficError:
    return TrafficError(f"{path}: cannot be read ({error.strerror or error}): check its permissions")
