"""Few coordinates of sparse texts: what gates and lengths are fitted on, and the way back to a serving map."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_matrix

from arbiter.features import FeatureBatch
from arbiter.linear import LinearMap
from arbiter_training.design import design_matrix, linear_map
from arbiter_training.estimates.data import FloatArray, IntArray

ROWS = 6_000
"""Requests that the directions are found on; more do not move them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """Principal components of a sparse design matrix.

    Attributes
    ----------
    mean : (m,) of the columns.
    directions : (m, r) orthonormal.
    """

    mean: FloatArray
    directions: FloatArray

    @classmethod
    def of(cls, design: csr_matrix, components: int, seed: int) -> "Reduction":
        """Find them by randomised subspace iteration (Halko, Martinsson and Tropp, 2011, algorithm 4.4).

        Parameters
        ----------
        design : (n, m).
        components : at most min(n, m); a greater number is lowered to it.
        seed : of the first directions.
        """
        mean = np.asarray(design.mean(axis=0)).ravel()
        width = min(components + 16, *design.shape)
        start = np.random.default_rng(seed).normal(size=(design.shape[1], width))
        basis = np.linalg.qr(design @ start - mean @ start)[0]
        for _ in range(2):
            back = np.linalg.qr(design.T @ basis - np.outer(mean, basis.sum(axis=0)))[0]
            basis = np.linalg.qr(design @ back - mean @ back)[0]
        narrow = design.T @ basis - np.outer(mean, basis.sum(axis=0))  # (m, width)
        directions, _, _ = np.linalg.svd(narrow, full_matrices=False)
        return cls(mean=mean, directions=directions[:, : min(components, width)])

    def apply(self, design: csr_matrix) -> FloatArray:
        """Give the (n, r) coordinates."""
        return np.asarray(design @ self.directions - self.mean @ self.directions)

    def lifted(self, weights: FloatArray, bias: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Turn (r, Z) weights on the coordinates into (Z, m) coefficients on the design and their (Z,) bias."""
        whole = self.directions @ weights
        return whole.T, bias - self.mean @ whole


@dataclass(frozen=True, slots=True, kw_only=True)
class ReducedTexts:
    """Requests at their coordinates.

    Attributes
    ----------
    batch : n requests, for the widths of a map's blocks.
    reduction : to the coordinates.
    x : (n, r).
    """

    batch: FeatureBatch
    reduction: Reduction
    x: FloatArray

    @classmethod
    def of(cls, batch: FeatureBatch, components: int, seed: int = 0) -> "ReducedTexts":
        """Find the coordinates of requests."""
        design = design_matrix(batch)
        rows = np.arange(len(batch))
        if len(rows) > ROWS:
            rows = np.sort(np.random.default_rng(seed).choice(rows, ROWS, replace=False))
        reduction = Reduction.of(design[rows], components, seed)
        return cls(batch=batch, reduction=reduction, x=reduction.apply(design))

    def take(self, rows: IntArray) -> "ReducedTexts":
        """Give the requests at ``rows``."""
        return replace(self, batch=self.batch.take(rows), x=self.x[rows])

    def map(self, weights: FloatArray, bias: FloatArray) -> LinearMap:
        """Turn (r, m) weights and (m,) bias on the coordinates into a serving map."""
        return linear_map(*self.reduction.lifted(weights, bias), self.batch)
