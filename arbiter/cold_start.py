"""A router without any training: hashed features, keyword rules, rated quality. Depends on no file but the catalog."""

import numpy as np

from arbiter.catalog import Catalog
from arbiter.encoders import HashingEncoder
from arbiter.estimates.estimator import Estimator, Speed
from arbiter.estimates.task_prior import TaskRatedQuality, preferences
from arbiter.estimates.tokens import OutputLength
from arbiter.features import Features
from arbiter.gatekeeper.cold_start import KeywordGatekeeper
from arbiter.policies import GreedyPolicy
from arbiter.policies.context import ContextMap
from arbiter.projection import Projection
from arbiter.router import Router
from arbiter.settings import Settings

TYPICAL_TOKENS = 400.0
"""Output tokens of a moderate answer, before anything was measured."""

COMPLEXITY_GROWTH = 3.0
"""Logarithm of how much longer an expert answer is than a trivial one (twenty times)."""

CONTEXT_COMPONENTS = 4


def cold_start_router(catalog: Catalog, settings: Settings | None = None) -> Router:
    """Build a router from ratings and rules.

    Parameters
    ----------
    catalog : K candidates.
    settings : None takes the defaults, with the catalog's own references of cost and latency.
    """
    features = Features(HashingEncoder())
    context_map = ContextMap(projection=_no_projection(features.encoder.dim))
    return Router(
        catalog=catalog,
        features=features,
        gatekeeper=KeywordGatekeeper(),
        context_map=context_map,
        estimator=rated_estimator(catalog, context_map.dim),
        policy=GreedyPolicy(),
        settings=settings or rated_settings(catalog),
    )


def rated_estimator(catalog: Catalog, context_dim: int) -> Estimator:
    """Give estimates from the catalog's ratings, prices and speeds, and from the request's complexity and kind."""
    weights = np.zeros((context_dim, len(catalog)))
    weights[0] = np.log(TYPICAL_TOKENS) - COMPLEXITY_GROWTH / 2
    weights[ContextMap.complexity_column(context_dim)] = COMPLEXITY_GROWTH
    return Estimator(
        quality=TaskRatedQuality(ratings=catalog.arrays.quality, bonus=preferences(catalog)),
        length=OutputLength(
            weights=weights, smear=np.ones(len(catalog)), most=np.asarray(catalog.arrays.max_output_tokens)
        ),
        speed=Speed.of(catalog),
    )


def rated_settings(catalog: Catalog) -> Settings:
    """Give default settings whose references are a typical request's cost and latency on the dearest and slowest."""
    prices = catalog.arrays
    cost_usd = (prices.usd_per_mtok_in + prices.usd_per_mtok_out) * TYPICAL_TOKENS / 1e6
    latency_s = prices.ttft_s + TYPICAL_TOKENS / prices.output_tokens_per_s
    return Settings(
        reference_cost_usd=float(max(cost_usd.max(), 1e-9)), reference_latency_s=float(max(latency_s.max(), 1e-3))
    )


def _no_projection(dim: int) -> Projection:
    return Projection(mean=np.zeros(dim), components=np.zeros((dim, CONTEXT_COMPONENTS)))
