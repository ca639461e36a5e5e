"""The default encoder: one vector per token, summed; numpy and ``tokenizers`` are all it needs."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from arbiter.encoders.cut import cut
from arbiter.encoders.vectors import fingerprint, scale_to_unit
from arbiter.encoders.wordpiece import WordPieces
from arbiter.errors import BundleError
from arbiter.state import State

TOKENIZER_FILE = "tokenizer.json"


def token_weights(pieces: WordPieces, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Give the distinct tokens of a text and the weight of each: ``log(1 + count)``.

    A token that comes ten times does not say ten times as much. Mean cosine to the MiniLM after a linear map fitted on
    the other half, for plain counts: GSM8K .830 for .824, ParetoBandit .768 for .758, MMLU-Pro .714 for .679.

    Returns
    -------
    tokens : (m,) int64, rising.
    weights : (m,) float32.
    """
    ids = np.array(pieces.ids(cut(text)), dtype=np.int64)
    ids.sort()  # by hand: numpy's unique spends more on its options than on these few hundred numbers
    first = np.flatnonzero(np.concatenate([ids[:1] == ids[:1], ids[1:] != ids[:-1]]))
    counts = np.diff(first, append=ids.size)
    return ids[first], np.log1p(counts).astype(np.float32)


class StaticEncoder:
    """Adds up the vectors of a text's tokens, each damped by its count, and scales the sum to length 1.

    How much a token says in general (frequent words say little) is folded into the length of its vector when the
    table is distilled, so the weighted mean is a plain sum: its length does not matter.

    The table is kept as int8 with one scale per row. Against float16 it is half the size (7.8 MB for 30,522 tokens of
    256), a fifth of the time per text, and a text's vector keeps a cosine of 0.9999 or more.

    Parameters
    ----------
    table : (V, d) int8.
    scale : (V,) float32; the vector of token ``i`` is ``scale[i] * table[i]``.
    tokenizer : the text of a ``tokenizer.json`` whose ids are rows of the table.

    Raises
    ------
    BundleError
        If table, scale and tokenizer do not fit together.
    MissingExtraError
        If ``tokenizers`` is not installed.
    """

    def __init__(self, table: NDArray[np.int8], scale: NDArray[np.float32], tokenizer: str) -> None:
        self._table = np.ascontiguousarray(table)
        self._scale = np.ascontiguousarray(scale)
        self._pieces = WordPieces(tokenizer)
        self._check()

    def _check(self) -> None:
        if self._table.dtype != np.int8 or self._table.ndim != 2 or self._scale.shape != (len(self._table),):
            raise BundleError(
                f"the token table must be (V, d) int8 with V scales; got {self._table.dtype} {self._table.shape} "
                f"and {self._scale.shape}"
            )
        if self._pieces.vocabulary_size > len(self._table):
            raise BundleError(
                f"the tokenizer has {self._pieces.vocabulary_size} tokens, the table only {len(self._table)} rows; "
                "they come from different distillations"
            )

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._table.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the table or the tokenizer."""
        return fingerprint("static_encoder", (self._table, self._scale, self._pieces.definition))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts into (n, dim) unit vectors; a text without known tokens gives the zero vector.

        Text by text: the sum over one text's tokens touches 25 kB, and a batch gives the same bits as its rows.
        """
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            tokens, weights = token_weights(self._pieces, text)
            weights *= self._scale.take(tokens)
            np.dot(weights, self._table.take(tokens, axis=0).astype(np.float32), out=row)
        return scale_to_unit(vectors)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(
            kind="static_encoder",
            arrays={"table": self._table, "scale": self._scale},
            texts={TOKENIZER_FILE: self._pieces.definition},
        )

    @classmethod
    def from_state(cls, state: State) -> "StaticEncoder":
        """Rebuild from a bundle."""
        return cls(
            table=state.array("table"), scale=state.array("scale", np.float32), tokenizer=state.texts[TOKENIZER_FILE]
        )
