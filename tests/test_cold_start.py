"""Laws of the router that needs no training."""

import numpy as np
import pytest

from arbiter.catalog import Catalog
from arbiter.cold_start import TYPICAL_TOKENS, cold_start_router, rated_estimator, rated_settings
from arbiter.intake import read_request
from arbiter.policies.context import ContextMap
from arbiter.records import Requirements
from arbiter.settings import Settings
from arbiter.vocabulary import Strategy

CATALOG = Catalog.default()


def test_a_moderate_answer_has_the_typical_length_and_an_expert_one_twenty_times_that_of_a_trivial_one() -> None:
    """The length grows with the exponential of the expected complexity."""
    dim = 24
    contexts = np.zeros((3, dim))
    contexts[:, 0] = 1.0
    contexts[:, ContextMap.complexity_column(dim)] = [0.0, 0.5, 1.0]
    tokens = rated_estimator(CATALOG, dim).length.predict(contexts)
    np.testing.assert_allclose(tokens[1], np.minimum(TYPICAL_TOKENS, CATALOG.arrays.max_output_tokens))
    np.testing.assert_allclose(tokens[2] / tokens[0], np.exp(3.0))


def test_the_references_are_the_dearest_and_the_slowest() -> None:
    """Worked by hand on two candidates of the catalog."""
    settings = rated_settings(CATALOG.subset(["gpt-4o-mini", "claude-opus-4-5"]))
    dear = CATALOG["claude-opus-4-5"]
    assert settings.reference_cost_usd == pytest.approx((dear.usd_per_mtok_in + dear.usd_per_mtok_out) * 400 / 1e6)
    slow = max(CATALOG[n].ttft_s + 400 / CATALOG[n].output_tokens_per_s for n in ("gpt-4o-mini", "claude-opus-4-5"))
    assert settings.reference_latency_s == pytest.approx(slow)


def test_a_catalog_of_free_candidates_routes() -> None:
    """A reference cost of 0 would divide by zero; free models alone are a normal catalog."""
    local = CATALOG.subset(["llama-3.1-8b-local"])
    decision = cold_start_router(local).route(read_request("hello"), np.random.default_rng(0))
    assert decision.model == "llama-3.1-8b-local"
    assert decision.confidence == 1.0


def test_harder_requests_go_to_better_candidates() -> None:
    """Under a taste for cost, a greeting is answered for less than a proof."""
    router = cold_start_router(CATALOG.subset(["gpt-4o-mini", "gpt-4o", "gpt-5"]), Settings(strategy=Strategy.BALANCED))
    queries = [read_request("hi there"), read_request("Prove rigorously that every compact metric space is separable")]
    easy, hard = router.route_batch(queries, np.random.default_rng(0))
    assert CATALOG[easy.model].quality <= CATALOG[hard.model].quality
    assert easy.estimates["gpt-4o"].quality > hard.estimates["gpt-4o"].quality
    assert easy.estimates["gpt-4o"].cost_usd < hard.estimates["gpt-4o"].cost_usd


def test_a_limit_of_cost_is_kept() -> None:
    """No decision is expected to cost more than the request allows, while anyone is cheap enough."""
    router = cold_start_router(CATALOG)
    query = read_request("Write a long essay on the causes of the first world war", Requirements(max_cost_usd=0.001))
    decision = router.route(query, np.random.default_rng(0))
    assert decision.estimates[decision.model].cost_usd <= 0.001
    assert not decision.degraded
