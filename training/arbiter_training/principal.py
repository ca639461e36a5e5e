"""Principal components of embeddings, as a serving projection."""

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from arbiter.projection import Projection

LEAST_VARIANCE = 1e-9
LEAST_SHARE = 1e-6
"""Variance of a direction, alone and against the first, below which it is rounding and not text: embeddings are
float32, their rows of length 1."""


def principal_components(embedding: NDArray[np.float32], k: int, seed: int = 0) -> Projection:
    """Fit a projection to ``k`` components of variance 1 each.

    Parameters
    ----------
    embedding : (n, d).
    k : at most min(n, d); a greater one is lowered to it.
    seed : of the randomised solver.

    Returns
    -------
    projection : a direction in which the texts do not differ (there are fewer texts than components, or they repeat)
        gives 0: scaled to variance 1 it would blow rounding errors up, and any new text with them.
    """
    k = min(k, *embedding.shape)
    if np.ptp(embedding, axis=0).max(initial=0.0) == 0.0:  # one text, or all of them equal
        return Projection(mean=embedding.mean(axis=0, dtype=np.float64), components=np.zeros((embedding.shape[1], k)))
    pca = PCA(n_components=k, random_state=seed).fit(embedding.astype(np.float64))
    variance = np.maximum(pca.explained_variance_, 0.0)
    real = variance > max(LEAST_VARIANCE, LEAST_SHARE * variance[0])
    scale = np.where(real, 1.0 / np.sqrt(np.where(real, variance, 1.0)), 0.0)
    return Projection(mean=pca.mean_, components=(pca.components_ * scale[:, None]).T)
