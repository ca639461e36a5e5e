"""Training of the length of answers: log-linear on the context, each candidate near what all have in common."""

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.estimates.tokens import OutputLength

FloatArray = NDArray[np.float64]

SHARED_PENALTY = 3.0
OWN_PENALTY = 30.0
"""Ridge penalties, in pseudo-outcomes: a candidate needs about thirty outcomes to leave the common slope."""


def implied_output_tokens(cost_usd: FloatArray, input_tokens: FloatArray, catalog: Catalog) -> FloatArray:
    """Give the output tokens that would explain the cost at the catalog's prices.

    For logs that keep money and no tokens. Parts of the bill that are not output (caching, images) are read as output,
    which keeps the predicted cost right and makes the tokens an equivalent, not a count.

    Parameters
    ----------
    cost_usd : (n, K), NaN where unknown.
    input_tokens : (n,).
    catalog : K candidates.

    Returns
    -------
    output_tokens : (n, K), at least 1; NaN where the cost is unknown or the candidate's output is free.
    """
    prices = catalog.arrays
    output_usd = cost_usd - np.outer(input_tokens, prices.usd_per_mtok_in) / 1e6
    price = np.where(prices.usd_per_mtok_out > 0, prices.usd_per_mtok_out, np.nan)
    return np.asarray(np.maximum(output_usd / price * 1e6, 1.0))


def fit_length(contexts: FloatArray, output_tokens: FloatArray, catalog: Catalog) -> OutputLength:
    """Fit the lengths of answers.

    Parameters
    ----------
    contexts : (n, d), first entry 1.
    output_tokens : (n, K), NaN where unknown. A candidate without any takes what the others have in common.
    catalog : bounds the lengths of candidates never seen.
    """
    seen = ~np.isnan(output_tokens)
    target = np.log(np.maximum(np.where(seen, output_tokens, 1.0), 1.0))
    d, k = contexts.shape[1], output_tokens.shape[1]
    level = _means(target, seen)
    residual = np.where(seen, target - level, 0.0)
    shared = _ridge(contexts, residual.sum(axis=1), seen.sum(axis=1), SHARED_PENALTY)
    weights = np.empty((d, k))
    smear, most = np.ones(k), np.asarray(catalog.arrays.max_output_tokens).copy()
    for a in range(k):
        rows = seen[:, a]
        left = residual[rows, a] - contexts[rows] @ shared
        own = _ridge(contexts[rows], left, np.ones(rows.sum()), OWN_PENALTY)
        weights[:, a] = shared + own
        weights[0, a] += level[a]
        if rows.any():
            smear[a] = np.exp(target[rows, a] - contexts[rows] @ weights[:, a]).mean()
            most[a] = np.nanmax(output_tokens[rows, a])
    return OutputLength(weights=weights, smear=smear, most=most)


def _means(target: FloatArray, seen: NDArray[np.bool_]) -> FloatArray:
    count = seen.sum(axis=0)
    pooled = target[seen].mean() if seen.any() else np.log(300.0)
    return np.asarray(np.where(count > 0, np.where(seen, target, 0.0).sum(axis=0) / np.maximum(count, 1), pooled))


def _ridge(x: FloatArray, summed: FloatArray, count: FloatArray, penalty: float) -> FloatArray:
    """Solve the ridge regression of rows that stand ``count`` times with the sum ``summed`` of their targets."""
    gram = (x * count[:, None]).T @ x + penalty * np.eye(x.shape[1])
    return np.linalg.solve(gram, x.T @ summed)
