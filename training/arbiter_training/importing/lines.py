"""Lines of a file, plain or gzipped, in blocks of bytes."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from arbiter.errors import TrafficError

GZIP_MAGIC = b"\x1f\x8b"

BLOCK_BYTES = 4 << 20
"""Read at a time: some thousand lines of a log, whose records then take some ten times as much."""

LONGEST_LINE = 256 << 20
"""A line beyond this is not a record: a file without line feeds would be read whole."""

HEAD_BYTES = 1 << 16


class RawLines:
    """An open file that reads as plain bytes; whether it is gzipped is told by its first bytes.

    Parameters
    ----------
    path : of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._raw = path.open("rb")  # closed where this class's context ends
        zipped = self._raw.read(2) == GZIP_MAGIC
        self._raw.seek(0)
        self.stream: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=self._raw) if zipped else self._raw

    def __enter__(self) -> "RawLines":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stream.close()
        self._raw.close()

    def peek(self) -> bytes:
        """Give how the file begins.

        Raises
        ------
        TrafficError
            As :meth:`read`.
        """
        return self.read(HEAD_BYTES)

    def read(self, size: int) -> bytes:
        """Give the next bytes; fewer at the end.

        Raises
        ------
        TrafficError
            If the file is damaged or cut short.
        """
        try:
            return self.stream.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise TrafficError(f"{self._path}: damaged or cut short ({error}): fetch it again") from error


def line_blocks(path: Path, done: int = 0) -> Iterator[tuple[int, int, bytes]]:
    """Give blocks of whole lines.

    Parameters
    ----------
    path : of the file.
    done : lines that are passed over.

    Yields
    ------
    first, after, lines : number of the first line from 1, how many lines end with the block, and the bytes.

    Raises
    ------
    TrafficError
        If the file is damaged or cut short, or holds a line that is too long.
    """
    row = 0
    with RawLines(path) as file:
        for lines in _whole_lines(path, file):
            count = lines.count(b"\n") + (not lines.endswith(b"\n"))
            skip = min(max(done - row, 0), count)
            if skip < count:
                kept = lines.split(b"\n", skip)[-1] if skip else lines
                yield row + skip + 1, row + count, kept
            row += count


def _whole_lines(path: Path, file: RawLines) -> Iterator[bytes]:
    left: list[bytes] = []
    held = 0
    while part := file.read(BLOCK_BYTES):
        end = part.rfind(b"\n")
        if end < 0:
            left.append(part)
            held += len(part)
            if held > LONGEST_LINE:
                raise TrafficError(f"{path}: a line of more than {LONGEST_LINE:,} bytes: it is not a log of records")
            continue
        yield b"".join([*left, part[: end + 1]])
        left, held = [part[end + 1 :]], len(part) - end - 1
    last = b"".join(left)
    if last:
        yield last
