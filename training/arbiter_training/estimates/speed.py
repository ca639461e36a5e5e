"""Training of the speed of each candidate: time to first token, and tokens per second after it."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from arbiter.catalog import Catalog
from arbiter.estimates.estimator import Speed

FloatArray = NDArray[np.float64]

LEAST_ROWS = 30
"""Measured answers below which the catalog's prior stands."""

LEAST_S_PER_TOKEN = 1e-6
"""A million tokens a second: no model is faster, so that the length then does not matter."""


def fit_speed(latency_s: FloatArray, output_tokens: FloatArray, catalog: Catalog) -> Speed:
    """Fit latency = ttft + tokens / speed per candidate by non-negative least squares.

    Parameters
    ----------
    latency_s, output_tokens : (n, K), NaN where unknown.
    catalog : gives the prior.

    Returns
    -------
    speed : the catalog's prior for a candidate of fewer than 30 measured answers.
    """
    prior = Speed.of(catalog)
    ttft, speed = prior.ttft_s.copy(), prior.output_tokens_per_s.copy()
    for a in range(latency_s.shape[1]):
        rows = ~np.isnan(latency_s[:, a]) & ~np.isnan(output_tokens[:, a])
        if rows.sum() < LEAST_ROWS:
            continue
        x = np.stack([np.ones(rows.sum()), output_tokens[rows, a]], axis=1)
        (first, per_token), _ = nnls(x, latency_s[rows, a])
        ttft[a] = first
        # Where more tokens took no longer, all of the time is already in the first.
        speed[a] = 1.0 / max(per_token, LEAST_S_PER_TOKEN)
    return Speed(ttft_s=ttft, output_tokens_per_s=speed)
