"""Raw files to Python values: JSON, JSONL, CSV, gzip, and members of a zip by their exact name.

Nothing is unpacked to disk, so no name inside an archive is ever a path here; nothing is unpickled; what a compressed
file may grow to is bounded.
"""

import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from arbiter.errors import DownloadError
from arbiter_training.traffic.read_jsonl import records_of_lines

MAX_TEXT_BYTES = 64_000_000
"""What a file may decompress to; the largest raw file of the manifest has 4 MB."""


def json_file(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    DownloadError
        If it is not UTF-8 or not JSON.
    """
    try:
        return json.loads(path.read_bytes().decode("utf-8"))
    except (ValueError, RecursionError) as error:  # of which decoding errors are
        raise DownloadError(f"{path}: not JSON ({str(error) or type(error).__name__:.80}); fetch it again") from error


def jsonl_file(path: Path) -> list[dict[str, Any]]:
    """Read a JSONL file, gzipped where its name ends in ``.gz``.

    Raises
    ------
    DownloadError
        If it is damaged, or grows beyond what a raw file has.
    TrafficError
        If a line is not UTF-8, not JSON or not an object.
    """
    if path.suffix != ".gz":
        return list(_records(path.read_bytes(), path))
    try:
        with gzip.open(path, "rb") as stream:
            return list(_records(_bounded(stream, str(path)), path))
    except (OSError, EOFError, zlib.error) as error:
        raise DownloadError(f"{path}: not gzip, or damaged ({error}); fetch it again") from error


def csv_file(path: Path) -> list[dict[str, str]]:
    """Read a CSV file with a header.

    Raises
    ------
    DownloadError
        If it is not UTF-8, or not CSV.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DownloadError(f"{path}: not CSV ({error}); fetch it again") from error


def zip_member_records(path: Path, member: str) -> list[dict[str, Any]]:
    """Read a JSONL file that lies in a zip (a wheel is one) under exactly that name.

    Raises
    ------
    DownloadError
        If the file is no zip, is damaged, lacks the member, or the member grows beyond what a raw file has.
    TrafficError
        If a line is not UTF-8, not JSON or not an object.
    """
    place = f"{path}!{member}"
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            return list(_records(_bounded(stream, place), Path(place)))
    except KeyError as error:
        raise DownloadError(f"{path}: holds no {member}; it is another file") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DownloadError(f"{path}: not a zip, or damaged ({error}); fetch it again") from error


def _records(data: bytes, path: Path) -> Iterator[dict[str, Any]]:
    return records_of_lines(io.BytesIO(data), path)


def _bounded(stream: IO[bytes] | gzip.GzipFile, place: str) -> bytes:
    data = stream.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise DownloadError(f"{place}: grows beyond {MAX_TEXT_BYTES:,} bytes; it is another file")
    return data
