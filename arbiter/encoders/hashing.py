"""An encoder without a model: letters and words hashed into a dense vector."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arbiter.encoders.cut import cut
from arbiter.encoders.vectors import scale_to_unit
from arbiter.errors import InvalidInputError
from arbiter.state import State
from arbiter.words import WordHashes, mix, pairs, words

DEFAULT_DIM = 256
_GRAM_LENGTHS = (3, 4)
_SIGN_BIT = np.uint32(31)

MAX_REMEMBERED_WORDS = 20_000
"""Words whose letter n-grams are remembered, about 10 MB."""


class HashingEncoder:
    """Hashes words, pairs of words, and runs of three and four letters within words, with random signs.

    The signs make the inner product of two vectors an unbiased estimate of that of the unhashed counts
    (Weinberger et al., 2009, section 2). Counts are damped to ``log(1 + count)``.

    Parameters
    ----------
    dim : length of a vector, at least 8.

    Raises
    ------
    InvalidInputError
        If ``dim`` is below 8.
    """

    __slots__ = ("_dim", "_grams", "_hashes")

    def __init__(self, dim: int = DEFAULT_DIM) -> None:
        if dim < 8:
            raise InvalidInputError(f"dim must be at least 8, e.g. {DEFAULT_DIM}; got {dim}")
        self._dim = dim
        self._hashes = WordHashes()
        self._grams: dict[str, NDArray[np.uint32]] = {}

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    @property
    def fingerprint(self) -> str:
        """Key of the embedding cache; nothing is learned, so the dimension says it all."""
        return f"hashing_encoder:1:{self._dim}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts into (n, dim) unit vectors; a text without words gives the zero vector."""
        vectors = np.zeros((len(texts), self._dim), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[:] = self._counts(words(cut(text)))
        return scale_to_unit(vectors)

    def _counts(self, parts: list[str]) -> NDArray[np.float64]:
        if not parts:
            return np.zeros(self._dim)
        neighbours = mix(pairs(self._hashes(parts)))
        hashes = np.concatenate([neighbours, *[self._grams_of(part) for part in parts]])
        distinct, counts = np.unique(hashes, return_counts=True)
        signed = np.log1p(counts) * np.where(distinct >> _SIGN_BIT, 1.0, -1.0)
        counted = np.bincount(distinct % np.uint32(self._dim), weights=signed, minlength=self._dim)
        return counted.astype(np.float64, copy=False)

    def _grams_of(self, word: str) -> NDArray[np.uint32]:
        found = self._grams.get(word)
        if found is None:
            marked = f"<{word}>"
            grams = {marked[at : at + n] for n in _GRAM_LENGTHS for at in range(len(marked) - n + 1)} | {marked}
            found = mix(self._hashes(sorted(grams)))
            if len(self._grams) >= MAX_REMEMBERED_WORDS:
                self._grams = {}
            self._grams[word] = found
        return found

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="hashing_encoder", settings={"dim": self._dim})

    @classmethod
    def from_state(cls, state: State) -> "HashingEncoder":
        """Rebuild from a bundle."""
        return cls(dim=int(state.settings["dim"]))
