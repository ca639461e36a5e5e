"""Traffic files of any supported format to one checked table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from arbiter.errors import TrafficError
from arbiter_training.traffic.assemble import assemble
from arbiter_training.traffic.raw import RawChunk
from arbiter_training.traffic.read_csv import read_csv
from arbiter_training.traffic.read_jsonl import read_jsonl
from arbiter_training.traffic.read_parquet import read_parquet
from arbiter_training.traffic.table import TrafficTable

Reader = Callable[[Path], Iterator[RawChunk]]

READERS: Mapping[str, Reader] = {
    ".parquet": read_parquet,
    ".jsonl": read_jsonl,
    ".jsonl.gz": read_jsonl,
    ".csv": read_csv,
}
"""Ending of the file name to its reader."""


def read_traffic(source: str | Path | Sequence[str | Path]) -> TrafficTable:
    """Read and check logged traffic.

    Parameters
    ----------
    source : a file (``.parquet``, ``.jsonl``, ``.jsonl.gz``, ``.csv``), a folder of such files (read in the order of
        their names, at any depth), or a list of files and folders.

    Returns
    -------
    table : every row, save exact duplicates, which are counted in ``table.notes``.

    Raises
    ------
    TrafficError
        If a file is missing, of an unknown format, damaged, cut short or empty, or a value in it is wrong. The
        message is one line that names file, row and remedy.
    MissingExtraError
        If a Parquet file is read without pyarrow.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    return assemble(raw_chunks(sources), ", ".join(str(each) for each in sources))


def raw_chunks(sources: Sequence[str | Path]) -> Iterator[RawChunk]:
    """Read files and folders in chunks whose cells are not checked.

    Raises
    ------
    TrafficError
        If a file is missing, of an unknown format, damaged, cut short or empty.
    MissingExtraError
        If a Parquet file is read without pyarrow.
    """
    return _chunks([file for each in sources for file in _files(Path(each))])


def traffic_from_records(records: Sequence[Mapping[str, object]], source: str = "records") -> TrafficTable:
    """Check rows that are in memory already.

    Parameters
    ----------
    records : column name to value; None or an absent key is unknown.
    source : what errors call the place that the rows came from.

    Raises
    ------
    TrafficError
        As in :func:`read_traffic`.
    """
    return assemble([RawChunk.of_records(source, 1, records)], source)


def format_of(path: Path) -> str | None:
    """Give the ending that tells the format, one of :data:`READERS`; None where it is none of them."""
    name = path.name.lower()
    return next((ending for ending in READERS if name.endswith(ending)), None)


def unknown_format(path: Path) -> TrafficError:
    """Say which formats there are."""
    return TrafficError(f"{path}: the name does not tell the format: end it in {', '.join(READERS)}")


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        parts = sorted(p for p in path.rglob("*") if p.is_file() and format_of(p) and not p.name.startswith((".", "_")))
        if not parts:
            raise TrafficError(f"{path}: the folder holds no file that ends in {', '.join(READERS)}")
        return parts
    if not path.is_file():
        raise TrafficError(f"{path}: no such file: check the path")
    if format_of(path) is None:
        raise unknown_format(path)
    return [path]


def _chunks(files: Sequence[Path]) -> Iterator[RawChunk]:
    for file in files:
        ending = format_of(file)
        assert ending is not None, "files are filtered by format"
        found = False
        try:
            for chunk in READERS[ending](file):
                found = True
                yield chunk
        except OSError as error:
            raise TrafficError(f"{file}: cannot be read ({error.strerror or error}): check its permissions") from error
        if not found:
            raise TrafficError(f"{file}: holds no rows: leave it out, or write it again")
