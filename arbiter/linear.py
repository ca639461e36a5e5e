"""A linear map over all features of a request: the first stage of the gatekeeper and of the quality estimates."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.features import FeatureBatch
from arbiter.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearMap:
    """Scores from embedding, hashed n-grams and dense features.

    Attributes
    ----------
    embedding : (d, m) float32 weights of the embedding.
    ngrams : (buckets, m) float32 weights of the hashed n-grams.
    dense : (s, m) float64 weights of statistics and evidence.
    bias : (m,) float64.
    """

    embedding: NDArray[np.float32]
    ngrams: NDArray[np.float32]
    dense: NDArray[np.float64]
    bias: NDArray[np.float64]

    def scores(self, batch: FeatureBatch) -> NDArray[np.float64]:
        """Give the (n, m) scores of n requests, before any link function."""
        scores: NDArray[np.float64] = self.bias + batch.dense @ self.dense
        scores += batch.embedding @ self.embedding
        scores += batch.ngrams.dot(self.ngrams)
        return scores

    def to_state(self) -> State:
        """Give what a bundle keeps; the n-gram weights in half precision, they are most of the size."""
        arrays: dict[str, NDArray[Any]] = {
            "embedding": self.embedding,
            "ngrams": self.ngrams.astype(np.float16),
            "dense": self.dense,
            "bias": self.bias,
        }
        return State(kind="linear_map", arrays=arrays)

    @classmethod
    def from_state(cls, state: State) -> "LinearMap":
        """Rebuild from a bundle."""
        return cls(
            embedding=state.array("embedding", np.float32),
            ngrams=state.array("ngrams", np.float32),
            dense=state.array("dense", np.float64),
            bias=state.array("bias", np.float64),
        )

    def rounded(self) -> "LinearMap":
        """Give the map as it will be after a bundle has been written and read."""
        return LinearMap.from_state(self.to_state())
