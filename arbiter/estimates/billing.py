"""What n requests cost on K candidates: list prices, prompt-cache prices and batch prices."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.records import Query

FloatArray = NDArray[np.float64]

TOKENS_PER_MTOK = 1e6


def discounted(queries: Sequence[Query]) -> bool:
    """Tell whether any of the requests is billed at other than list prices."""
    return any(q.batch or q.cached_input_tokens or q.circumstances.warm_model for q in queries)


def cost_usd(queries: Sequence[Query], catalog: Catalog, output_tokens: FloatArray) -> FloatArray:
    """Give the price of n requests on K candidates, in US dollars.

    The tokens that a candidate's prompt cache holds are billed at its price of cached input; a request that can wait,
    at its batch prices. Where both apply to a token the cheaper price counts, not the product: some providers multiply
    the discounts, others do not, and a cost should rather turn out lower than expected.

    Parameters
    ----------
    queries : n requests.
    catalog : K candidates.
    output_tokens : (n, K) lengths of the answers.

    Returns
    -------
    cost_usd : (n, K).
    """
    prices = catalog.arrays
    waits = np.array([query.batch for query in queries])[:, None]
    tokens_in = np.array([float(query.input_tokens) for query in queries])[:, None]
    cached = cached_tokens(queries, catalog)
    price_in = np.where(waits, prices.usd_per_mtok_batch_in, prices.usd_per_mtok_in)  # (n, K)
    price_cached = np.minimum(prices.usd_per_mtok_cached_in, price_in)
    price_out = np.where(waits, prices.usd_per_mtok_batch_out, prices.usd_per_mtok_out)
    spent = (tokens_in - cached) * price_in + cached * price_cached + output_tokens * price_out
    return np.asarray(spent / TOKENS_PER_MTOK)


def cached_tokens(queries: Sequence[Query], catalog: Catalog) -> FloatArray:
    """Give the (n, K) input tokens that each candidate holds in its prompt cache, at most those of the request."""
    held = np.repeat(np.array([float(q.cached_input_tokens) for q in queries])[:, None], len(catalog), axis=1)
    for row, query in zip(held, queries, strict=True):
        warm = query.circumstances.warm_model
        if warm is not None and warm in catalog:
            k = catalog.position(warm)
            row[k] = max(row[k], query.circumstances.warm_tokens)
    return np.asarray(np.minimum(held, np.array([[float(q.input_tokens)] for q in queries])))
