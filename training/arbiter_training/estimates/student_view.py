"""A student inside the estimates: from cheap features to the vectors of a large encoder, taught on the log itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from arbiter.estimates.blend import unit_scores
from arbiter.features import FeatureBatch
from arbiter.linear import LinearMap
from arbiter_training.design import design_matrix, linear_map
from arbiter_training.estimates.data import FloatArray, IntArray

MAX_TEXTS = 6_000
"""Texts that the student is taught on: time grows with their cube, memory with their square."""

PENALTY = 1.0
"""Ridge penalty on the weights of the design matrix; fixed, not searched for."""

FREE = 30.0
"""Scale of the constant column: its weight is the intercept, and is hardly penalised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentView:
    """A taught student.

    Attributes
    ----------
    map : features to the teacher's space, before scaling to length 1; for serving.
    vectors : (n, d) float32 rows of length 1, of the rows it was taught on out of fold: what other learners of the
        same rows must see, since it is nearer to its teacher on them than it will be on new ones.
    cosine : mean cosine to the teacher, out of fold.
    """

    map: LinearMap
    vectors: NDArray[np.float32]
    cosine: float


def teach_view(batch: FeatureBatch, teacher: NDArray[np.float32], folds: IntArray, seed: int = 0) -> StudentView:
    """Fit ridge regression from all features to the teacher's vectors.

    Parameters
    ----------
    batch : n requests.
    teacher : (n, d) rows of length 1, or NaN where the teacher was not asked.
    folds : (n,), requests of one group share a fold.
    seed : of the sample, where there are more than ``MAX_TEXTS`` requests.

    Notes
    -----
    Solved in the dual, (G + p I) A = Y with G = X X' (Saunders, Gammerman and Vovk, 1998): one inverse Q gives the
    predictions of all folds, for those of a fold f from a fit without it are Y_f - Q_ff^-1 (Q Y)_f (the block form of
    the leave-one-out identity of Allen, 1974).
    """
    taught = np.flatnonzero(~np.isnan(teacher[:, 0]))
    if len(taught) > MAX_TEXTS:
        taught = np.sort(np.random.default_rng(seed).choice(taught, MAX_TEXTS, replace=False))
    design = design_matrix(batch.take(taught))
    gram = (design @ design.T).toarray() + FREE**2
    gram[np.diag_indices_from(gram)] += PENALTY
    inverse = cho_solve(cho_factor(gram, lower=True, overwrite_a=True), np.eye(len(taught)), overwrite_b=True)
    y = teacher[taught].astype(np.float64)
    dual = inverse @ y  # (n, d)
    student = linear_map((design.T @ dual).T, FREE**2 * dual.sum(axis=0), batch)
    vectors = unit_scores(student, batch)
    vectors[taught] = _unit(y - _left_out(inverse, dual, folds[taught]))
    cosine = float(np.einsum("ij,ij->i", vectors[taught], teacher[taught]).mean())
    return StudentView(map=student, vectors=vectors, cosine=cosine)


def _left_out(inverse: FloatArray, dual: FloatArray, folds: IntArray) -> FloatArray:
    """Give the (n, d) residuals that fits without each row's fold would leave on it."""
    residual = np.empty_like(dual)
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        residual[rows] = np.linalg.solve(inverse[np.ix_(rows, rows)], dual[rows])
    return residual


def _unit(vectors: FloatArray) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), dtype=np.float32)
