"""One JSON document of many records, read without holding it whole."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arbiter.errors import TrafficError
from arbiter_training.importing.lines import RawLines

LISTS = ("data", "traces", "observations", "spans", "items", "results", "logs")
"""Keys under which exports put their list of records."""

LARGEST = 1 << 30
"""Bytes of a document that is not a list at its top, which has to be read whole."""

READ = 1 << 20


def json_items(path: Path) -> Iterator[Mapping[str, Any]]:
    """Give the records of a document: the items of its list, or of the list under one of the usual keys.

    Items that are no objects are given as an empty record, so that they are counted.

    Raises
    ------
    TrafficError
        If it is not UTF-8 or not JSON, or is damaged, cut short or too large to be read whole.
    """
    with RawLines(path) as file:
        head = file.peek()
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            yield from _items(path, file, head)
            return
        rest = file.read(LARGEST)
    if len(rest) == LARGEST:
        raise TrafficError(f"{path}: one JSON object of more than {LARGEST:,} bytes: write a list, or a line a record")
    yield from _records(_document(path, head + rest))


def _document(path: Path, content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise TrafficError(f"{path}: not JSON ({str(error)[:120]}): write it again, or a line a record") from error


def _records(found: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(found, Mapping) and not {"info", "resourceSpans", "resource_spans", "trace"} & found.keys():
        listed = next((found[name] for name in LISTS if isinstance(found.get(name), list)), None)
        nested = "scores" in found or "trace_id" in found or "traceId" in found
        found = [found] if listed is None or nested else listed
    for item in found if isinstance(found, list) else [found]:
        yield item if isinstance(item, Mapping) else {}


def _items(path: Path, file: RawLines, head: bytes) -> Iterator[Mapping[str, Any]]:
    """Give the items of a list one by one: decode what is held, and read on where it ends inside an item."""
    decoder = json.JSONDecoder()
    pending = _Text(path, file, head)
    pending.skip("[")
    while not pending.at("]"):
        item = pending.item(decoder)
        yield item if isinstance(item, Mapping) else {}
        if not pending.at(","):
            break
        pending.skip(",")
    pending.skip("]")


class _Text:
    """Decoded text that is read on as it is used up."""

    def __init__(self, path: Path, file: RawLines, head: bytes) -> None:
        self._path, self._file, self._raw = path, file, head.removeprefix(b"\xef\xbb\xbf")
        self._text, self._at, self._ended = "", 0, False
        self._take(b"")

    def _take(self, more: bytes) -> None:
        self._raw += more
        try:
            decoded, keep = self._raw.decode("utf-8"), b""
        except UnicodeDecodeError as error:
            if len(self._raw) - error.start > 3:
                raise TrafficError(f"{self._path}: not UTF-8: save it as UTF-8") from error
            decoded, keep = self._raw[: error.start].decode("utf-8"), self._raw[error.start :]
        self._text, self._at, self._raw = self._text[self._at :] + decoded, 0, keep

    def _more(self) -> bool:
        if self._ended:
            return False
        part = self._file.read(max(READ, len(self._text)))
        self._ended = not part
        if self._ended and self._raw:
            raise TrafficError(f"{self._path}: not UTF-8: save it as UTF-8")
        if part:
            self._take(part)
        return not self._ended

    def at(self, sign: str) -> bool:
        """Say whether the next sign that is not blank is this one."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at] == sign
            if not self._more():
                return False

    def skip(self, sign: str) -> None:
        """Pass over a sign that must come."""
        if not self.at(sign):
            raise self.error(f"{sign!r} is missing")
        self._at += 1

    def item(self, decoder: json.JSONDecoder) -> Any:
        """Give the next value."""
        self.at("")
        while True:
            try:
                found, end = decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self._more():
                    raise self.error(str(error)[:120]) from error
                continue
            if end < len(self._text) or not self._more():  # a number at the end may go on
                self._at = end
                return found

    def error(self, what: str) -> TrafficError:
        """Give the error that names the file."""
        return TrafficError(
            f"{self._path}: not JSON ({what}): cut short or damaged; write it again, or a line a record"
        )
