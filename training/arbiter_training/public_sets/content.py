"""The rows of a set: their digest, which no Parquet writer can change, and the one way they are written."""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arbiter.errors import DownloadError
from arbiter_training.public_sets.manifest import PublicSet
from arbiter_training.traffic.read_parquet import parquet_metadata, pyarrow_modules, record_batches

Columns = Mapping[str, Sequence[Any]]

MAX_TABLE_BYTES = 400_000_000
"""Decoded size above which a Parquet file is no set of the manifest (the largest decodes to 45 MB)."""

TYPES = {
    "quality": "float32",
    "cost_usd": "float64",
    "input_tokens": "int32",
    "output_tokens": "int32",
    **dict.fromkeys(("S", "H", "V", "HR", "SH", "S3", "H2", "V2"), "float64"),
}
"""Columns that are no text. A float's width is part of its value, hence of the digest: 0.96 is another in 32 bits."""

_BATCH_ROWS = 1_024
"""Rows decoded at a time: few, since a file can say in a few bytes that all its rows hold one long text."""


def content_digest(path: Path) -> str:
    """Give the digest of a file's rows: sha256 over the sorted column names and the sorted rows.

    Each row is one line of JSON, its cells in the order of the names, floats as the shortest decimal that gives the
    float64 of their value. Order of rows and columns, compression and encoding of the file leave it alone.

    Raises
    ------
    TrafficError
        If the file is not Parquet or is damaged.
    DownloadError
        If it decodes to more than a set of the manifest can be.
    """
    names = sorted(parquet_metadata(path).schema.to_arrow_schema().names)
    lines: list[bytes] = []
    decoded = 0
    for batch in record_batches(path, _BATCH_ROWS):
        decoded += batch.nbytes
        if decoded > MAX_TABLE_BYTES:
            raise DownloadError(f"{path}: decodes to over {MAX_TABLE_BYTES:,} bytes, which no set does; another file")
        columns = [batch.column(name).to_pylist() for name in names]
        lines += [_line(row) for row in zip(*columns, strict=True)]
    return _digest(names, lines)


def digest_of_columns(columns: Columns) -> str:
    """Give the digest that a table of these columns has once it is written."""
    arrays = _table(columns)
    names = sorted(columns)
    return _digest(names, [_line(row) for row in zip(*(arrays.column(n).to_pylist() for n in names), strict=True)])


def write_columns(columns: Columns, path: Path) -> None:
    """Write a table; whole or not at all.

    Parameters
    ----------
    columns : name to cells; None is unknown.
    path : of the Parquet file; its folder is made.
    """
    table = _table(columns)
    with_draft(path, lambda draft: pyarrow_modules().parquet.write_table(table, draft, compression="zstd"))


def with_draft(path: Path, write: Any) -> None:
    """Let ``write(draft)`` write a file beside ``path``, then give it that name; a crash leaves nothing there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        draft = Path(folder) / f"{path.name}.draft"  # a name that no search finds, should the process be killed
        write(draft)
        draft.replace(path)


def require_content(found: str, entry: PublicSet, place: str, remedy: str = "") -> None:
    """Make sure that rows are those of the manifest.

    Parameters
    ----------
    found : digest of the rows.
    entry : of the manifest.
    place : where the rows come from, for the message.
    remedy : what to do; by default to look at the source.

    Raises
    ------
    DownloadError
        If their digest is another.
    """
    if found != entry.content_sha256:
        remedy = remedy or f"the source has changed or this is another file, see {entry.source}"
        digests = f"their digest is {found}, expected {entry.content_sha256}"
        raise DownloadError(f"{place}: not the rows of {entry.name}: {digests}; {remedy}")


def locate(folder: Path, name: str) -> Path | None:
    """Find a file of that name in a folder: in itself, or the first in any folder below; None where there is none."""
    if (folder / name).is_file():
        return folder / name
    return next((path for path in sorted(folder.rglob(name)) if path.is_file()), None)


def _table(columns: Columns) -> Any:
    arrow = pyarrow_modules()
    types = {"float32": arrow.float32(), "float64": arrow.float64(), "int32": arrow.int32()}
    arrays = {
        name: arrow.array(cells, types[TYPES[name]] if name in TYPES else arrow.large_string())
        for name, cells in columns.items()
    }
    return arrow.table(arrays)


def _line(row: tuple[Any, ...]) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode("ascii")


def _digest(names: Sequence[str], lines: list[bytes]) -> str:
    digest = hashlib.sha256(_line(tuple(names)))
    for line in sorted(lines):
        digest.update(b"\n" + line)
    return digest.hexdigest()
