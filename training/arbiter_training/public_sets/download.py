"""A file from the web to a folder: resumed, bounded, checked, and whole or not at all under its name.

What has come so far lies in ``NAME.part``, with ``NAME.part.json`` beside it (from where, and which version by the
server's ETag). A later try asks for the rest by ``Range`` under ``If-Range``, so that a server whose file has changed
answers with the whole new one. Where the server names no version, the rest is asked for only if the manifest knows the
file's sha256, which a mixture of two versions would not have.
"""

import hashlib
import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from arbiter.errors import DownloadError
from arbiter_training.public_sets.manifest import RawFile
from arbiter_training.public_sets.transport import InterruptedTransferError, get, read_some, shown

Say = Callable[[str], None]

CHUNK_BYTES = 1 << 16
SAY_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a download is waited for.

    Attributes
    ----------
    silence_s : longest time without a byte, in seconds.
    total_s : longest time for one file, all tries together, in seconds; ends a server that dribbles.
    tries : of one file, each going on where the last one ended.
    pause_s : before the second try, in seconds; twice that before the third, and so on.
    """

    silence_s: float = 30.0
    total_s: float = 1800.0
    tries: int = 4
    pause_s: float = 1.0


def download(file: RawFile, url: str, folder: Path, patience: Patience, say: Say) -> Path:
    """Bring a file into a folder under its name.

    Parameters
    ----------
    file : its name, size limit and, where it is known, sha256.
    url : from where.
    folder : is made. What lies there under the name is taken as it is if its sha256 is right or unknown.
    patience : how long to wait.
    say : is told what happens.

    Returns
    -------
    path : of the file.

    Raises
    ------
    DownloadError
        If it cannot be had, is too large, or has another sha256.
    """
    target = folder / file.name
    if target.is_file() and file.sha256 in ("", sha256_of(target)):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    transfer = _Transfer(file=file, url=url, part=folder / f"{file.name}.part", patience=patience, say=say)
    deadline = time.monotonic() + patience.total_s
    reason = ""
    for number in range(1, patience.tries + 1):
        try:
            resumed = transfer.run(deadline)
        except InterruptedTransferError as error:
            reason = str(error)
            say(f"{file.name}: {reason}")
            if time.monotonic() + patience.pause_s * number > deadline:
                break
            time.sleep(patience.pause_s * number if number < patience.tries else 0.0)
            continue
        if transfer.settle(target, resumed):
            return target
        reason = "the part that was there before did not fit"
    raise DownloadError(f"{shown(url)}: {reason}; {transfer.size():,} bytes are kept: run the command again to go on")


def sha256_of(path: Path) -> str:
    """Give the sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(slots=True, kw_only=True)
class _Transfer:
    file: RawFile
    url: str
    part: Path
    patience: Patience
    say: Say
    said: float = field(default_factory=time.monotonic)

    @property
    def note(self) -> Path:
        return self.part.with_name(f"{self.part.name}.json")

    def size(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def run(self, deadline: float) -> bool:
        """Fetch all, or the rest; tell whether it was the rest."""
        start, version = self._known()
        headers = {"Range": f"bytes={start}-"} if start else {}
        if start and version:
            headers["If-Range"] = version
        try:
            response = get(self.url, headers, self.patience.silence_s)
        except HTTPError as error:  # 416: what is there is as long as the file, or longer
            self.discard()
            raise InterruptedTransferError("the part that was there before is too long") from error
        with response:
            start = start if _goes_on(response, start) else 0
            self._receive(response, start, deadline)
        return start > 0

    def settle(self, target: Path, resumed: bool) -> bool:
        """Give the file its name if it is what it must be; false if it was resumed, so that a fresh try may be."""
        found = sha256_of(self.part)
        if self.file.sha256 in ("", found):
            self.part.replace(target)
            self.note.unlink(missing_ok=True)
            return True
        self.discard()
        if resumed:
            return False
        message = f"sha256 is {found}, expected {self.file.sha256}; not kept, nothing of it was read"
        raise DownloadError(f"{shown(self.url)}: {message}")

    def discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _known(self) -> tuple[int, str]:
        """Give how much is there, and the server's word for its version; 0 where nothing can be built upon."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            same, version = note["url"] == shown(self.url), str(note["version"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, ""
        return (self.size(), version) if same and (version or self.file.sha256) else (0, "")

    def _receive(self, response: Any, have: int, deadline: float) -> None:
        total = self._announced(response, have)
        note = {"url": shown(self.url), "version": _version(response)}
        self.note.write_text(json.dumps(note), encoding="utf-8")
        self.say(f"{self.file.name}: {'going on' if have else 'fetching'} from {shown(self.url)}")
        with self.part.open("ab" if have else "wb") as stream:
            while chunk := read_some(response, CHUNK_BYTES):
                have += len(chunk)
                self._require_size(have)
                stream.write(chunk)
                self._tell(have, total)
                if time.monotonic() > deadline:
                    raise InterruptedTransferError(f"not done within {self.patience.total_s:g} s")
        if total is not None and have < total:
            raise InterruptedTransferError(f"cut short after {have:,} of {total:,} bytes")

    def _announced(self, response: Any, have: int) -> int | None:
        """Give the length that the whole file will have, None where the server does not say."""
        if response.headers.get("Content-Encoding", "identity") != "identity":
            self.discard()
            raise DownloadError(f"{shown(self.url)}: the server compresses what it sends; its sum cannot be checked")
        total = None if response.length is None else have + int(response.length)
        if total is not None:
            self._require_size(total)
        return total

    def _require_size(self, size: int) -> None:
        if size > self.file.max_bytes:
            self.discard()
            limit = f"more than the {self.file.max_bytes:,} bytes that {self.file.name} can have"
            raise DownloadError(f"{shown(self.url)}: {limit}; it is another file")

    def _tell(self, have: int, total: int | None) -> None:
        if time.monotonic() - self.said > SAY_EVERY_S:
            self.said = time.monotonic()
            whole = "" if total is None else f" of {total / 1e6:.1f}"
            self.say(f"{self.file.name}: {have / 1e6:.1f}{whole} MB")


def _goes_on(response: Any, start: int) -> bool:
    """Tell whether an answer is the rest from ``start`` on; otherwise it is the whole."""
    if not start or response.status != http.client.PARTIAL_CONTENT:
        return False
    given = response.headers.get("Content-Range", "")
    if not given.startswith(f"bytes {start}-"):
        raise DownloadError(f"{shown(response.url)}: asked for bytes from {start} on, was answered with {given!r}")
    return True


def _version(response: Any) -> str:
    """Give the strong ETag; a weak one does not promise the same bytes."""
    tag = str(response.headers.get("ETag", ""))
    return "" if tag.startswith("W/") else tag
