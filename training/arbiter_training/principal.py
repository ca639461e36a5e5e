"""Principal components of embeddings, as a serving projection."""

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from arbiter.projection import Projection


def principal_components(embedding: NDArray[np.float32], k: int, seed: int = 0) -> Projection:
    """Fit a projection to ``k`` components of variance 1 each.

    Parameters
    ----------
    embedding : (n, d).
    k : at most min(n, d); a greater one is lowered to it.
    seed : of the randomised solver.
    """
    k = min(k, *embedding.shape)
    pca = PCA(n_components=k, random_state=seed).fit(embedding.astype(np.float64))
    scale = np.sqrt(np.maximum(pca.explained_variance_, 1e-12))
    return Projection(mean=pca.mean_, components=(pca.components_ / scale[:, None]).T)
