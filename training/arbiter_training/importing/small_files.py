"""Many small files as one source: loggers that write to object stores make a file of each call."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from arbiter.errors import TrafficError
from arbiter_training.importing.blocks import Block, Source, file_source, sniffed
from arbiter_training.importing.json_stream import json_items
from arbiter_training.importing.lines import RawLines
from arbiter_training.importing.reading import Record

SMALL_BYTES = 1 << 18
"""Up to here a file is taken together with its neighbours."""

TOGETHER = 1_000
"""Files of a block; with fewer than :data:`FEW` in a row each stays a source of its own, which errors can name."""

FEW = 20


def file_sources(paths: Sequence[Path]) -> list[Source]:
    """Give files as sources, in their order; runs of small files are one source each.

    Raises
    ------
    TrafficError
        If one cannot be opened.
    """
    found: list[Source] = []
    for small, run in groupby(paths, _is_small):
        files = list(run)
        if small and len(files) >= FEW:
            found.append(_together(files))
        else:
            found += map(file_source, files)
    return found


def _is_small(path: Path) -> bool:
    try:
        return path.stat().st_size <= SMALL_BYTES and sniffed(path) in ("json", "jsonl")
    except (OSError, TrafficError):  # read by itself, it says what is wrong with it
        return False


def _together(files: Sequence[Path]) -> Source:
    digest = hashlib.sha256()
    for path in files:
        stat = path.stat()
        digest.update(f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    name = f"{files[0].parent} ({len(files):,} files)"
    return Source(name=name, mark=digest.hexdigest(), blocks=lambda done: _blocks(name, files, done))


def _blocks(name: str, files: Sequence[Path], done: int) -> Iterator[Block]:
    """Give blocks of so many files; what is done is counted in files, and so are rows in places and default ids."""
    for start in range(done, len(files), TOGETHER):
        chosen = files[start : start + TOGETHER]
        records = [record for path in chosen for record in _records(path)]
        yield Block(source=name, first_row=start + 1, after=start + len(chosen), payload=records)


def _records(path: Path) -> Iterator[Record]:
    """Give the records of a file; what is damaged is an empty one, so that it is counted."""
    try:
        if sniffed(path) == "json":
            yield from list(json_items(path))
            return
        with RawLines(path) as lines:
            content = lines.read(1 << 30)
    except (TrafficError, OSError):
        yield {}
        return
    yield from (_record(line) for line in content.split(b"\n") if line.strip())


def _record(line: bytes) -> Record:
    try:
        found: Any = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
