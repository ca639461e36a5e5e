"""Laws of the factors around a mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbiter.catalog import Catalog
from arbiter.catalog.catalog import typical_latency_s
from arbiter.estimates.dispersion import LEVELS, Dispersion
from arbiter.estimates.estimator import Speed
from arbiter.estimates.expectation import Expectation
from arbiter.estimates.tokens import OutputLength

SDS = np.array([0.0, 0.3, 1.0])


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_a_greater_share_needs_a_greater_factor(one: float, other: float) -> None:
    """Whatever the levels."""
    spread = Dispersion.log_normal(SDS)
    low, high = spread.factors(min(one, other)), spread.factors(max(one, other))
    assert (low <= high + 1e-12).all()
    assert low[0] == pytest.approx(1.0)


def test_the_log_normal_has_mean_one_and_its_known_quantiles() -> None:
    """The median is exp(-sd^2 / 2); at a level that is kept the factor is exact."""
    spread = Dispersion.log_normal(SDS)
    np.testing.assert_allclose(spread.factors(0.5), np.exp(-0.5 * SDS**2))
    np.testing.assert_allclose(spread.factors(0.95), np.exp(1.6448536 * SDS - 0.5 * SDS**2))
    draws = np.exp(np.random.default_rng(0).normal(size=(100_000, 3)) * SDS - 0.5 * SDS**2)
    np.testing.assert_allclose((draws <= spread.factors(0.9)).mean(axis=0)[1:], 0.9, atol=0.005)


def test_beyond_the_outermost_level_the_outermost_factor_stands() -> None:
    """Nothing is extrapolated."""
    spread = Dispersion.log_normal(SDS)
    np.testing.assert_array_equal(spread.factors(0.9999), spread.factors(float(LEVELS[-1])))
    np.testing.assert_array_equal(spread.factors(0.0001), spread.factors(float(LEVELS[0])))


def test_the_prior_of_the_latency_is_the_catalogs_percentile() -> None:
    """Mean times the 99 % factor is the catalog's 99th percentile of a typical answer, where it has one."""
    catalog = Catalog.default()
    factors = Speed.of(catalog).spread.factors(0.99)
    for candidate, factor in zip(catalog, factors, strict=True):
        if candidate.latency_p99_s is not None:
            assert typical_latency_s(candidate) * factor == pytest.approx(candidate.latency_p99_s, rel=1e-6)


def test_lengths_and_latencies_of_a_bundle_keep_their_spread() -> None:
    """There and back; a bundle of before, without a spread, takes the prior."""
    spread = Dispersion.log_normal(SDS)
    length = OutputLength(weights=np.ones((2, 3)), smear=np.ones(3), most=np.full(3, 100.0), dispersion=spread)
    speed = Speed(ttft_s=np.ones(3), output_tokens_per_s=np.ones(3), dispersion=spread)
    for again in (OutputLength.from_state(length.to_state()), Speed.from_state(speed.to_state())):
        assert again.dispersion is not None
        np.testing.assert_array_equal(again.dispersion.log_factors, spread.log_factors)
    old = OutputLength(weights=np.ones((2, 3)), smear=np.ones(3), most=np.full(3, 100.0))
    assert OutputLength.from_state(old.to_state()).dispersion is None
    assert old.spread.factors(0.9).shape == (3,)


def test_a_length_never_exceeds_the_most() -> None:
    """Neither in the mean nor in a quantile."""
    length = OutputLength(weights=np.full((1, 3), 5.0), smear=np.ones(3), most=np.full(3, 160.0))
    assert (length.quantile(np.ones((1, 1)), 0.99) <= 160.0).all()
    assert (length.quantile(np.ones((1, 1)), 0.5) <= length.quantile(np.ones((1, 1)), 0.9)).all()


def test_an_expectation_without_a_spread_is_certain() -> None:
    """Its quantiles are its means; with one they are the mean times the factor, in a row as in a batch."""
    columns = {name: np.ones((2, 3)) for name in ("quality", "quality_se", "cost_usd")}
    latency_s, tokens = np.arange(6.0).reshape(2, 3), np.full((2, 3), 10.0)
    plain = Expectation(**columns, latency_s=latency_s, output_tokens=tokens)
    np.testing.assert_array_equal(plain.latency_at(0.99), latency_s)
    spread = Dispersion.log_normal(SDS)
    known = Expectation(
        **columns, latency_s=latency_s, output_tokens=tokens, length_spread=spread, latency_spread=spread
    )
    np.testing.assert_allclose(known.latency_at(0.9), latency_s * spread.factors(0.9))
    np.testing.assert_allclose(known.row(1).latency_at(0.9), known.latency_at(0.9)[1])
    np.testing.assert_allclose(known.row(1).output_tokens_at(0.9), 10.0 * spread.factors(0.9))
