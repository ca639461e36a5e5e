"""Training of the speed of each candidate: time to first token, and tokens per second after it."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from arbiter.catalog import Catalog
from arbiter.estimates.estimator import Speed

FloatArray = NDArray[np.float64]

LEAST_ROWS = 30
"""Measured answers below which the catalog's prior stands."""


def fit_speed(latency_s: FloatArray, output_tokens: FloatArray, catalog: Catalog) -> Speed:
    """Fit latency = ttft + tokens / speed per candidate by non-negative least squares.

    Parameters
    ----------
    latency_s, output_tokens : (n, K), NaN where unknown.
    catalog : gives the prior.
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
        speed[a] = 1.0 / per_token if per_token > 1e-6 else prior.output_tokens_per_s[a]
    return Speed(ttft_s=ttft, output_tokens_per_s=speed)
