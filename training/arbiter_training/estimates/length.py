"""Training of the length of answers: log-linear in the context per candidate, and in the whole text for all alike."""

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.estimates.tokens import OutputLength
from arbiter.linear import LinearMap
from arbiter_training.estimates.reduction import ReducedTexts

FloatArray = NDArray[np.float64]

SHARED_PENALTY = 3.0
OWN_PENALTY = 30.0
"""Ridge penalties, in pseudo-outcomes: a candidate needs about thirty outcomes to leave the common slope."""

TEXT_PENALTY = 10.0
"""Ridge penalty on what the text adds, on the coordinates of the design matrix. On training rows of ParetoBandit 3, 10
and 30 led to the same quality at the same cost."""

TEXT_COMPONENTS = 256

LEAST_ROWS = 30
"""Answers below which a candidate's own spread and greatest length are not yet known."""

TYPICAL_TOKENS = 300.0
"""Length of an answer where no length at all was logged."""


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


def fit_length(
    contexts: FloatArray, output_tokens: FloatArray, catalog: Catalog, texts: ReducedTexts | None = None
) -> OutputLength:
    """Fit the lengths of answers.

    Parameters
    ----------
    contexts : (n, d), first entry 1.
    output_tokens : (n, K), NaN where unknown. A candidate without any takes what the others have in common.
    catalog : bounds the lengths of candidates never seen.
    texts : the n requests, for what their text adds; None leaves that out.

    Returns
    -------
    length : a candidate of fewer than 30 answers takes smear and bound from all, lest one short answer bound it.
    """
    seen = ~np.isnan(output_tokens)
    target = np.log(np.maximum(np.where(seen, output_tokens, 1.0), 1.0))
    d, k = contexts.shape[1], output_tokens.shape[1]
    level = _levels(target, seen)
    residual = np.where(seen, target - level, 0.0)
    shared = _ridge(contexts, residual.sum(axis=1), seen.sum(axis=1), SHARED_PENALTY)
    weights = np.empty((d, k))
    for a in range(k):
        rows = seen[:, a]
        left = residual[rows, a] - contexts[rows] @ shared
        weights[:, a] = shared + _ridge(contexts[rows], left, np.ones(rows.sum()), OWN_PENALTY)
        weights[0, a] += level[a]
    unexplained = np.where(seen, target - contexts @ weights, 0.0)
    added, text = (None, None) if texts is None else _text(texts, unexplained, seen)
    excess = np.where(seen, np.exp(unexplained if added is None else unexplained - added[:, None]), 0.0)
    enough, any_seen = seen.sum(axis=0) >= LEAST_ROWS, seen.any(axis=0)
    own_most = np.where(seen, output_tokens, 1.0).max(axis=0)
    pooled_smear = excess.sum() / seen.sum() if seen.any() else 1.0
    return OutputLength(
        weights=weights,
        smear=np.where(enough, excess.sum(axis=0) / np.maximum(seen.sum(axis=0), 1), pooled_smear),
        most=np.where(enough, own_most, np.where(any_seen, own_most.max(), catalog.arrays.max_output_tokens)),
        text=text,
    )


def _text(texts: ReducedTexts, unexplained: FloatArray, seen: NDArray[np.bool_]) -> tuple[FloatArray, LinearMap]:
    """Fit a request's mean residual to its text.

    Returns
    -------
    added : (n,) what each request would be given by a fit without it (Allen, 1974), so that the smear is that of new
        requests; 0 where no length is known.
    text : the map, for new requests.
    """
    count = seen.sum(axis=1)
    rows = count > 0
    x, mean = texts.x[rows], unexplained.sum(axis=1)[rows] / count[rows]
    inverse = np.linalg.inv(x.T @ x + TEXT_PENALTY * np.eye(x.shape[1]))
    weights = inverse @ (x.T @ mean)
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x, optimize=True)
    added = np.zeros(len(count))
    added[rows] = mean - (mean - x @ weights) / (1.0 - leverage)
    return added, texts.map(weights[:, None], np.zeros(1))


def _levels(target: FloatArray, seen: NDArray[np.bool_]) -> FloatArray:
    """Give the (K,) mean logarithm of each candidate, drawn towards that of all by a few pseudo-outcomes."""
    pooled = target[seen].mean() if seen.any() else np.log(TYPICAL_TOKENS)
    total = np.where(seen, target, 0.0).sum(axis=0) + SHARED_PENALTY * pooled
    return np.asarray(total / (seen.sum(axis=0) + SHARED_PENALTY))


def _ridge(x: FloatArray, summed: FloatArray, count: FloatArray, penalty: float) -> FloatArray:
    """Solve the ridge regression of rows that stand ``count`` times with the sum ``summed`` of their targets."""
    gram = (x * count[:, None]).T @ x + penalty * np.eye(x.shape[1])
    return np.asarray(np.linalg.solve(gram, x.T @ summed), dtype=np.float64)
