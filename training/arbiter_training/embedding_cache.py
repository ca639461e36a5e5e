"""Vectors of texts kept on disk by content, so that one training run does not encode what another one did."""

import hashlib
import io
import logging
import os
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from arbiter.encoders.protocol import Encoder
from arbiter.errors import MissingExtraError
from arbiter.state import State

_logger = logging.getLogger(__name__)

_DIGEST_BYTES = 32
Shelf = dict[bytes, NDArray[np.float32]]


class CachedEncoder:
    """An encoder that remembers on disk; to everyone else it is the encoder inside.

    The key of a vector is the encoder's fingerprint and the SHA-256 of the text. Vectors lie in up to 256 files by
    the first byte of that hash, written by joblib, each behind its own checksum: a file that was damaged or cut short
    is noticed before joblib reads it, and its vectors are computed again. Two runs at once may overwrite each other's
    file, which costs time, not truth. joblib's files can carry code, so the folder is made for its owner alone and
    nothing but this class should write there.

    Parameters
    ----------
    encoder : computes what is not known yet.
    folder : is made when the first vector is kept.
    """

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        self._encoder = encoder
        self._folder = folder / hashlib.sha256(encoder.fingerprint.encode()).hexdigest()[:16]

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._encoder.dim

    @property
    def fingerprint(self) -> str:
        """That of the encoder inside: the vectors are the same."""
        return self._encoder.fingerprint

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Give the (n, dim) vectors of texts, computing each distinct unknown text once.

        Raises
        ------
        MissingExtraError
            If joblib is not installed.
        """
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        known: Shelf = {}
        for first in sorted({key[0] for key in keys}):
            known |= _read(self._path(first))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            new = dict(zip(missing, self._encoder.encode(list(missing.values())), strict=True))
            known |= new
            self._keep(new, known)
        return np.stack([known[key] for key in keys]) if keys else self._encoder.encode([])

    def to_state(self) -> State:
        """Give the state of the encoder inside; a bundle knows nothing of the cache."""
        return self._encoder.to_state()

    def _path(self, first: int) -> Path:
        return self._folder / f"{first:02x}.joblib"

    def _keep(self, new: Shelf, known: Shelf) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        changed = {key[0] for key in new}
        shelves: dict[int, Shelf] = {first: {} for first in changed}
        for key, vector in known.items():
            if key[0] in changed:
                shelves[key[0]][key] = vector
        for first, shelf in shelves.items():
            _write(self._path(first), shelf)


def _read(path: Path) -> Shelf:
    if not path.is_file():
        return {}
    content = path.read_bytes()
    digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != digest:
        _logger.warning("%s is damaged; its vectors are computed again", path)
        return {}
    keys, vectors = _joblib().load(io.BytesIO(payload))
    return dict(zip(keys, vectors, strict=True))


def _write(path: Path, shelf: Shelf) -> None:
    buffer = io.BytesIO()
    _joblib().dump((list(shelf), np.stack(list(shelf.values()))), buffer)
    payload = buffer.getvalue()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    with os.fdopen(handle, "wb") as file:
        file.write(hashlib.sha256(payload).digest() + payload)
    Path(name).replace(path)


def _joblib() -> ModuleType:
    try:
        return import_module("joblib")
    except ImportError as error:
        raise MissingExtraError.of("joblib", "train") from error
