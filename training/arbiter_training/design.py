"""The design matrix of the linear stages, and the way back from its coefficients to a serving map."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from arbiter.features import FeatureBatch
from arbiter.linear import LinearMap

EMBEDDING_SCALE = 2.0
"""Weight of the embedding against the n-grams under one penalty: fewer, denser dimensions deserve less shrinkage."""

DENSE_SCALE = 0.2
"""Weight of the standardised statistics, whose rows are several times longer than the unit blocks."""


def design_matrix(batch: FeatureBatch) -> csr_matrix:
    """Lay embedding, n-grams and dense features side by side, scaled for one ridge penalty; (n, d + buckets + s)."""
    blocks = [
        csr_matrix(batch.embedding.astype(np.float64) * EMBEDDING_SCALE),
        batch.ngrams.to_csr(),
        csr_matrix(batch.dense * DENSE_SCALE),
    ]
    return hstack(blocks, format="csr")


def linear_map(coefficients: NDArray[np.float64], bias: NDArray[np.float64], like: FeatureBatch) -> LinearMap:
    """Turn coefficients on the design matrix into a serving map.

    Parameters
    ----------
    coefficients : (m, d + buckets + s).
    bias : (m,).
    like : a batch of the same features, for the widths of the blocks.

    Returns
    -------
    map : rounded as a bundle would keep it, so that what is fitted on its scores is served the same scores.
    """
    d, buckets = like.embedding.shape[1], like.ngrams.buckets
    weights: NDArray[Any] = coefficients.T
    return LinearMap(
        embedding=(weights[:d] * EMBEDDING_SCALE).astype(np.float32),
        ngrams=weights[d : d + buckets].astype(np.float32),
        dense=weights[d + buckets :] * DENSE_SCALE,
        bias=np.asarray(bias, dtype=np.float64),
    ).rounded()
