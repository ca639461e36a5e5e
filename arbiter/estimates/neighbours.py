"""Outcomes of the most similar requests seen in training."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.estimates.cells import Cells
from arbiter.projection import Projection
from arbiter.state import State

FloatArray = NDArray[np.float64]

MAX_CELLS = 4_000_000
"""Similarities held at once; bounds the memory of a large batch to tens of megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourIndex:
    """Nearest neighbours by cosine over stored requests, each with the outcomes that were observed on it.

    Exact without cells; with them, requests far from all neighbours that matter are not looked at.

    Attributes
    ----------
    keys : (N, d) float32, unit length, where ``projection`` puts them.
    rewards : (N, K) float32, 0 where not observed.
    observed : (N, K) bool.
    means : (K,) mean outcome of each candidate, what an estimate without neighbours falls back to.
    k : how many neighbours are asked.
    sharpness : a neighbour of cosine s weighs exp(sharpness (s - s_max)).
    prior_strength : how many neighbours the mean counts for.
    cells : of the keys, which are then stored cell by cell; None searches all keys.
    projection : from embeddings to the space of the keys, before scaling to length 1; None is the embedding itself.
        Few centred components tell requests apart better than all of an embedding, whose rows share a direction.
    """

    keys: NDArray[np.float32]
    rewards: NDArray[np.float32]
    observed: NDArray[np.bool_]
    means: FloatArray
    k: int
    sharpness: float
    prior_strength: float
    cells: Cells | None = None
    projection: Projection | None = None

    def predict(self, embedding: NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
        """Give the weighted mean outcome of the neighbours.

        Parameters
        ----------
        embedding : (n, d) unit length.

        Returns
        -------
        mean : (n, K), shrunk to the candidate's mean.
        n_effective : (n, K), the sum of the weights behind it, without the prior.
        """
        k = min(self.k, len(self.keys))
        held = k * self.observed.shape[1]
        step = max(1, MAX_CELLS // max(held, 1 if self.cells else len(self.keys)))
        starts = range(0, max(len(embedding), 1), step)
        parts = [self.weigh(*self.search(embedding[i : i + step], k)) for i in starts]
        return np.concatenate([mean for mean, _ in parts]), np.concatenate([count for _, count in parts])

    def search(self, embedding: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Give positions and cosines, (n, k), of the k nearest keys of each of n requests, in no order."""
        embedding = placed(embedding, self.projection)
        if self.cells is not None:
            return self.cells.search(self.keys, embedding, k)
        similarity = embedding @ self.keys.T  # (n, N)
        nearest = np.argpartition(similarity, len(self.keys) - k, axis=1)[:, -k:]
        return nearest, np.take_along_axis(similarity, nearest, axis=1)

    def weigh(self, nearest: NDArray[np.int64], similarity: NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
        """Give what :meth:`predict` gives, from the (n, k) neighbours found."""
        close = similarity.astype(np.float64)
        weight = np.exp(self.sharpness * (close - close.max(axis=1, keepdims=True)))
        seen = weight[:, :, None] * self.observed[nearest]  # (n, k, K)
        n_effective = seen.sum(axis=1)
        total = (seen * self.rewards[nearest]).sum(axis=1) + self.prior_strength * self.means
        return total / (n_effective + self.prior_strength), n_effective

    def to_state(self) -> State:
        """Give what a bundle keeps; the keys in half precision."""
        optional = {"cells": self.cells, "projection": self.projection}
        return State(
            kind="neighbour_index",
            settings={"k": self.k, "sharpness": self.sharpness, "prior_strength": self.prior_strength},
            arrays={
                "keys": self.keys.astype(np.float16),
                "rewards": self.rewards,
                "observed": self.observed,
                "means": self.means,
            },
            parts={name: part.to_state() for name, part in optional.items() if part is not None},
        )

    @classmethod
    def from_state(cls, state: State) -> "NeighbourIndex":
        """Rebuild from a bundle."""
        return cls(
            keys=state.array("keys", np.float32),
            rewards=state.array("rewards", np.float32),
            observed=state.array("observed", np.bool_),
            means=state.array("means", np.float64),
            cells=Cells.from_state(state.parts["cells"]) if "cells" in state.parts else None,
            projection=Projection.from_state(state.parts["projection"]) if "projection" in state.parts else None,
            **state.settings,
        )


def placed(embedding: NDArray[np.float32], projection: Projection | None) -> NDArray[np.float32]:
    """Give (n, d) float32 rows of length 1 (or 0) in the space of the keys; the embedding itself without projection."""
    if projection is None:
        return embedding
    x = projection.apply(embedding)
    length = np.sqrt((x * x).sum(axis=1, keepdims=True))
    return np.asarray(x / np.maximum(length, 1e-9), dtype=np.float32)
