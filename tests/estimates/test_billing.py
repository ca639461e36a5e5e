"""Laws of prices: list, prompt cache, batch."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.estimates.billing import cached_tokens, cost_usd, discounted
from arbiter.planned_costs import price_list
from arbiter.records import Circumstances, Query

CATALOG = Catalog.default().subset(["gpt-4o", "claude-opus-4-5", "llama-3.1-8b", "llama-3.1-8b-local"])
OUT = np.full((1, 4), 100.0)


def test_prices_worked_by_hand() -> None:
    """claude-opus-4-5: 5 in, 25 out, .5 cached, 2.5 and 12.5 in a batch; 1,000 tokens in, 400 cached, 100 out."""
    query = Query(text="x", input_tokens=1000)
    opus = CATALOG.position("claude-opus-4-5")
    assert cost_usd([query], CATALOG, OUT)[0, opus] == pytest.approx(0.005 + 0.0025)
    cached = replace(query, cached_input_tokens=400)
    assert cost_usd([cached], CATALOG, OUT)[0, opus] == pytest.approx(0.003 + 0.0002 + 0.0025)
    batch = replace(query, batch=True)
    assert cost_usd([batch], CATALOG, OUT)[0, opus] == pytest.approx(0.0025 + 0.00125)
    both = replace(batch, cached_input_tokens=400)
    assert cost_usd([both], CATALOG, OUT)[0, opus] == pytest.approx(0.0015 + 0.0002 + 0.00125)


def test_who_has_no_discount_bills_the_list_price() -> None:
    """The local model is free either way; one without a cached price gives none."""
    plain, asked = Query(text="x", input_tokens=1000), Query(text="x", input_tokens=1000, cached_input_tokens=900)
    k = CATALOG.position("llama-3.1-8b")
    assert CATALOG["llama-3.1-8b"].usd_per_mtok_cached_in is None
    assert cost_usd([asked], CATALOG, OUT)[0, k] == cost_usd([plain], CATALOG, OUT)[0, k]


@given(st.integers(0, 5000), st.integers(0, 9000), st.booleans(), st.integers(0, 9000))
@settings(deadline=None)
def test_a_discount_never_costs_more_nor_pays_out(tokens: int, cached: int, batch: bool, warm: int) -> None:
    """Whatever is cached or warm, above the input too."""
    circumstances = Circumstances(warm_model="gpt-4o", warm_tokens=warm)
    plain = Query(text="x", input_tokens=tokens)
    query = replace(plain, cached_input_tokens=cached, batch=batch, circumstances=circumstances)
    listed, paid = cost_usd([plain], CATALOG, OUT), cost_usd([query], CATALOG, OUT)
    assert (paid <= listed + 1e-15).all() and (paid >= 0.0).all()
    assert (cached_tokens([query], CATALOG) <= tokens).all()


def test_a_warm_cache_is_worth_its_discount_to_one_candidate_alone() -> None:
    """Tokens times the difference of the prices; the others pay the list price; an unknown model changes nothing."""
    plain = Query(text="x", input_tokens=3000)
    warm = replace(plain, circumstances=Circumstances(warm_model="claude-opus-4-5", warm_tokens=2000))
    saved = cost_usd([plain], CATALOG, OUT)[0] - cost_usd([warm], CATALOG, OUT)[0]
    np.testing.assert_allclose(saved, [0.0, 2000 * 4.5 / 1e6, 0.0, 0.0], atol=1e-15)
    gone = replace(plain, circumstances=Circumstances(warm_model="retired", warm_tokens=2000))
    np.testing.assert_array_equal(cost_usd([gone], CATALOG, OUT), cost_usd([plain], CATALOG, OUT))
    assert discounted([warm]) and not discounted([plain])


def test_the_router_bills_as_the_list_where_nothing_is_discounted() -> None:
    """One rule of cost in two places: a discount of nothing is the list price, bit for bit close."""
    router = cold_start_router(CATALOG)
    query = Query(text="Write a poem", input_tokens=2000)
    expected = router.outlook([query]).expectation
    np.testing.assert_allclose(cost_usd([query], CATALOG, expected.output_tokens), expected.cost_usd)
    half = router.outlook([replace(query, batch=True)]).expectation.cost_usd
    assert (half <= expected.cost_usd).all() and half[0, 0] == pytest.approx(expected.cost_usd[0, 0] / 2)


def test_a_price_list_runs_from_the_cheapest_and_marks_what_a_model_lacks() -> None:
    """Every model once; None where it has no such price; the factor is over the least price above 0."""
    rows = price_list(CATALOG, 2000, 500, 1000)
    assert [row.list_usd for row in rows] == sorted(row.list_usd for row in rows)
    by_name = {row.model: row for row in rows}
    assert by_name["llama-3.1-8b"].batch_usd is None and by_name["llama-3.1-8b"].cached_usd is None
    assert by_name["llama-3.1-8b-local"].times_cheapest is None
    assert by_name["llama-3.1-8b"].times_cheapest == pytest.approx(1.0)
    dear = by_name["claude-opus-4-5"]
    assert dear.batch_usd is not None and dear.cached_usd is not None
    assert dear.batch_usd < dear.cached_usd < dear.list_usd
