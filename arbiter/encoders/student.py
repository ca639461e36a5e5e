"""A linear imitation of a large encoder, cheap enough to serve: static vector and hashed n-grams in, its vector out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from arbiter.encoders.cut import cut
from arbiter.encoders.hashing import HashingEncoder
from arbiter.encoders.protocol import Encoder
from arbiter.encoders.static import StaticEncoder
from arbiter.encoders.vectors import fingerprint, scale_to_unit
from arbiter.errors import BundleError
from arbiter.ngrams import HashedNgrams
from arbiter.state import State

_BASES: Mapping[str, Callable[[State], Encoder]] = {
    "hashing_encoder": HashingEncoder.from_state,
    "static_encoder": StaticEncoder.from_state,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentWeights:
    """The linear map of a student, in half precision: it is then the same before and after a bundle.

    Attributes
    ----------
    base : (d, m) float16, weights of the base encoder's vector.
    ngrams : (buckets, m) float16, weights of the hashed n-grams.
    bias : (m,) float32.
    """

    base: NDArray[np.float16]
    ngrams: NDArray[np.float16]
    bias: NDArray[np.float32]


class StudentEncoder:
    """Gives ``base(text) @ W + ngrams(text) @ U + b``, scaled to length 1.

    Taught in training by ridge regression on the vectors that the teacher gives to the texts of a log; serving needs
    numpy and what the base encoder needs.

    Parameters
    ----------
    base : the encoder of the first part.
    weights : the fitted map.

    Raises
    ------
    BundleError
        If base and weights do not fit together.
    """

    def __init__(self, base: Encoder, weights: StudentWeights) -> None:
        if weights.base.shape[0] != base.dim:
            raise BundleError(
                f"the student was taught on vectors of {weights.base.shape[0]}, its base gives {base.dim}"
            )
        self._base = base
        self._weights = weights
        self._ngrams = HashedNgrams(len(weights.ngrams))
        self._base_weights = weights.base.astype(np.float32)
        self._ngram_weights = weights.ngrams.astype(np.float32)

    @property
    def dim(self) -> int:
        """Length of a vector: the teacher's."""
        return int(self._weights.bias.shape[0])

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the base encoder or the weights."""
        weights = self._weights
        return fingerprint("student_encoder", (self._base.fingerprint, weights.base, weights.ngrams, weights.bias))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts into (n, dim) unit vectors; a blank text gives the zero vector."""
        short = [cut(text) for text in texts]
        vectors = self._ngrams.transform(short).dot(self._ngram_weights)
        # Row by row, so that a text's vector does not depend on the batch it comes in.
        for row, base in zip(vectors, self._base.encode(short), strict=True):
            row += base @ self._base_weights + self._weights.bias
        vectors[[not text.strip() for text in short]] = 0.0
        return scale_to_unit(vectors)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        weights = self._weights
        return State(
            kind="student_encoder",
            arrays={"base": weights.base, "ngrams": weights.ngrams, "bias": weights.bias},
            parts={"base": self._base.to_state()},
        )

    @classmethod
    def from_state(cls, state: State) -> "StudentEncoder":
        """Rebuild from a bundle.

        Raises
        ------
        BundleError
            If the base is an encoder that a student cannot stand on.
        """
        weights = StudentWeights(
            base=state.array("base", np.float16),
            ngrams=state.array("ngrams", np.float16),
            bias=state.array("bias", np.float32),
        )
        base = state.parts["base"]
        if base.kind not in _BASES:
            raise BundleError(f"a student stands on one of {', '.join(sorted(_BASES))}; the bundle says {base.kind!r}")
        return cls(_BASES[base.kind](base), weights)
