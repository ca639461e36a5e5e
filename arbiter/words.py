"""How a text falls into words: one splitter for everything that counts words, and hashes that never change."""

import re
import threading
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_ASCII_WORD = re.compile(r"[a-z0-9_]+")
_WORD = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+")

MAX_REMEMBERED_WORDS = 100_000
"""Words whose hash is remembered, about 12 MB; the memory is emptied when full, so that a flood of made-up words
costs time and not memory."""


def words(text: str) -> list[str]:
    """Split a text into lower-case words.

    Parameters
    ----------
    text : any text. Chinese and Japanese, written without spaces, give one word per character, so that pairs of
        neighbouring words are pairs of characters.

    Returns
    -------
    words : runs of letters, digits and underscores, in order; signs are left out.
    """
    lowered = text.lower()
    return (_ASCII_WORD if lowered.isascii() else _WORD).findall(lowered)


class WordHashes:
    """Gives each word a 32-bit number that is the same in every process, and remembers it.

    The number is the CRC-32 of the word's UTF-8 bytes: Python's own hash of a text is salted per process.
    """

    __slots__ = ("_known", "_lock")

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type["WordHashes"], tuple[()]]:
        """Copy without the memory and its lock: what is forgotten is learned again, to the same numbers."""
        return WordHashes, ()

    def __call__(self, parts: Sequence[str]) -> NDArray[np.uint32]:
        """Give the hash of each word, shape (len(parts),)."""
        find = self._known.get  # no hash is None, and 0 is as good a hash as any
        found = [value if (value := find(part)) is not None else self._learn(part) for part in parts]
        return np.array(found, dtype=np.uint32)

    def _learn(self, word: str) -> int:
        value = zlib.crc32(word.encode("utf-8", "replace"))
        with self._lock:
            if len(self._known) >= MAX_REMEMBERED_WORDS:
                self._known = {}
            self._known[word] = value
        return value


def mix(hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Spread 32-bit numbers evenly, so that any of their bits can pick a bucket.

    The finaliser of MurmurHash3 (Appleby, 2011, ``fmix32``). CRC-32 is linear over bits and would otherwise send
    words that differ in one place to buckets that differ in a fixed pattern.
    """
    mixed = hashes ^ (hashes >> np.uint32(16))
    mixed = mixed * np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return mixed


def pairs(hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Give a number for each pair of neighbours, shape (max(n - 1, 0),); the order within a pair counts."""
    return hashes[:-1] * np.uint32(0x9E3779B1) + (hashes[1:] ^ np.uint32(0x7F4A7C15))
