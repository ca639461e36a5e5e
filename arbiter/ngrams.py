"""Hashed word n-grams: a text as a sparse vector of a fixed number of buckets."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError, MissingExtraError
from arbiter.words import WordHashes, mix, pairs, words

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DEFAULT_BUCKETS = 4_096
"""A text of 100 words fills about 180 of them; the linear map behind them stays near 6 MB at 384 outputs."""

_NO_BUCKETS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class NgramRows:
    """The n-grams of n texts, as compressed sparse rows.

    Attributes
    ----------
    indptr : (n + 1,) int64, where each row starts and ends in the other two.
    indices : (nnz,) int64, buckets, rising within a row.
    values : (nnz,) float32; every row that is not empty has Euclidean length 1.
    buckets : number of columns.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int64]
    values: NDArray[np.float32]
    buckets: int

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def rows(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Give buckets and values of each text in turn."""
        bounds = self.indptr.tolist()
        for start, end in pairwise(bounds):
            yield self.indices[start:end], self.values[start:end]

    def dot(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Multiply by a dense matrix.

        Row by row: a row of one text and of a batch then is the same sum in the same order, to the last bit.

        Parameters
        ----------
        matrix : (buckets, m) float32.

        Returns
        -------
        product : (n, m) float32.
        """
        product = np.empty((len(self), matrix.shape[1]), dtype=np.float32)
        for target, (indices, values) in zip(product, self.rows(), strict=True):
            np.dot(values, matrix.take(indices, axis=0), out=target)
        return product

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "NgramRows":
        """Give the rows named, in that order."""
        starts, ends = self.indptr[:-1], self.indptr[1:]
        pieces = [np.arange(starts[row], ends[row]) for row in rows]
        chosen = np.concatenate(pieces) if pieces else np.empty(0, dtype=np.int64)
        return NgramRows(
            indptr=_indptr([len(piece) for piece in pieces]),
            indices=self.indices[chosen],
            values=self.values[chosen],
            buckets=self.buckets,
        )

    def to_csr(self) -> "csr_matrix":
        """Give the rows as a scipy matrix, for training.

        Raises
        ------
        MissingExtraError
            If scipy is not installed.
        """
        try:
            from scipy.sparse import csr_matrix
        except ImportError as error:
            raise MissingExtraError.of("scipy", "train") from error
        return csr_matrix((self.values, self.indices, self.indptr), shape=(len(self), self.buckets))


class HashedNgrams:
    """Counts words and pairs of neighbouring words in hashed buckets.

    Counts are damped to ``log(1 + count)`` and each text is scaled to length 1. There is no dictionary to learn, so
    a new word or language needs no new fit; what collides is told apart by the rest of the text.

    Parameters
    ----------
    buckets : number of columns, a power of two not below 16.

    Raises
    ------
    InvalidInputError
        If ``buckets`` is not such a number.
    """

    __slots__ = ("_hashes", "_mask", "buckets")

    def __init__(self, buckets: int = DEFAULT_BUCKETS) -> None:
        if buckets < 16 or buckets & (buckets - 1):
            raise InvalidInputError(f"buckets must be a power of two not below 16, e.g. 4096; got {buckets}")
        self.buckets = buckets
        self._mask = np.uint32(buckets - 1)
        self._hashes = WordHashes()

    def transform(self, texts: Sequence[str]) -> NgramRows:
        """Count the n-grams of each text."""
        return self.count([words(text) for text in texts])

    def transform_one(self, text: str) -> NgramRows:
        """Count the n-grams of one text; equal to its row in :meth:`transform`."""
        return self.transform([text])

    def names(self, text: str) -> dict[int, str]:
        """Give the buckets that a text fills, each with the first word or pair of words that falls into it."""
        parts = words(text)
        hashes = self._hashes(parts)
        buckets = (mix(np.concatenate([hashes, pairs(hashes)])) & self._mask).tolist()
        spelled = [*parts, *(f"{first} {second}" for first, second in pairwise(parts))]
        return dict(zip(reversed(buckets), reversed(spelled), strict=True))

    def count(self, split: Sequence[Sequence[str]]) -> NgramRows:
        """Count the n-grams of texts that are split into :func:`arbiter.words.words` already.

        Hashing and damping run over all texts in one pass, counting and scaling text by text: a text in a batch and
        alone then gives the same bits.
        """
        hashes = self._hashes(list(chain.from_iterable(split)))
        singles, doubles = mix(hashes) & self._mask, mix(pairs(hashes)) & self._mask
        indices, counts, start = [_NO_BUCKETS], [_NO_BUCKETS], 0
        for parts in split:
            end = start + len(parts)
            filled = np.bincount(np.concatenate([singles[start:end], doubles[start : max(end - 1, start)]]))
            indices.append(filled.nonzero()[0])
            counts.append(filled[indices[-1]])
            start = end
        indptr = _indptr([len(buckets) for buckets in indices[1:]])
        return NgramRows(
            indptr=indptr,
            indices=np.concatenate(indices).astype(np.int64, copy=False),
            values=_scaled(np.log1p(np.concatenate(counts)), indptr.tolist()),
            buckets=self.buckets,
        )


def _scaled(damped: NDArray[np.float64], bounds: Sequence[int]) -> NDArray[np.float32]:
    """Scale the damped counts of each text to Euclidean length 1."""
    norms = np.ones(len(bounds) - 1)
    for row, (start, end) in enumerate(pairwise(bounds)):
        own = damped[start:end]
        norms[row] = math.sqrt(own @ own) or 1.0
    return (damped / np.repeat(norms, np.diff(bounds))).astype(np.float32)


def _indptr(lengths: Sequence[int]) -> NDArray[np.int64]:
    indptr = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=indptr[1:])
    return indptr
