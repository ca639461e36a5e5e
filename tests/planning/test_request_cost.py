"""Laws of what a history says of a coming period."""

import numpy as np
import pytest

from arbiter.planning.drift import PERIOD_DRIFT
from arbiter.planning.money import Money, apart, together
from arbiter.planning.request_cost import RequestCost, measured, priced
from arbiter.planning.token_count import TokenCount


def test_price_times_tokens_by_hand() -> None:
    """1,000 +- 500 tokens in at $2, 100 +- 50 out at $10: $0.003; sd hypot(0.001, 0.0005)."""
    found = priced((2.0, 10.0), (TokenCount(mean=1000, sd=500), TokenCount(mean=100, sd=50)), 0.2)
    assert found.mean_usd == pytest.approx(0.003)
    assert found.sd_usd == pytest.approx(np.hypot(0.001, 0.0005))
    assert (found.log_sd, found.known) == (0.2, 0)


def test_a_measured_cost_by_hand() -> None:
    """Four costs of mean 2.5 and deviation 1.29: the error of the mean is 1.29 / (2.5 x 2), beside a drift of t_4."""
    costs = np.array([1.0, 2.0, 3.0, 4.0])
    found = measured(costs)
    assert (found.mean_usd, found.known) == (2.5, 4)
    assert found.sd_usd == pytest.approx(np.std(costs, ddof=1))
    assert found.log_sd == pytest.approx(np.hypot(found.sd_usd / 5.0, 1.533 / 1.282 * PERIOD_DRIFT), rel=0.03)
    assert measured(np.zeros(40)) == RequestCost(mean_usd=0.0, sd_usd=0.0, log_sd=0.0, known=40)


def test_more_history_is_a_narrower_band() -> None:
    """The error of the mean falls with the root of the costs, and steadiness is seen; some drift is always expected."""
    sizes = [measured(np.random.default_rng(0).lognormal(0.0, 1.0, n)).log_sd for n in (15, 200, 100_000)]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] > PERIOD_DRIFT / 3.0


def test_what_is_shared_adds_and_what_is_not_averages() -> None:
    """Two amounts of one use case share their error; of two use cases they do not."""
    one = Money(mean=10.0, own_var=4.0, common_sd=3.0)
    assert together([one, one]) == Money(mean=20.0, own_var=8.0, common_sd=6.0)
    assert apart([one, one]).sd == pytest.approx((2 * 13.0) ** 0.5)
    assert apart([one, one]).sd < together([one, one]).sd
    assert one.low < one.mean < one.high and Money(mean=5.0).low == 5.0 == Money(mean=5.0).high
    assert one.scaled(2.0).sd == pytest.approx(2 * one.sd)


def test_lengths_are_log_normal() -> None:
    """Median and ninth decile come back; the share beyond a cap agrees with a million draws to 1 in 500."""
    count = TokenCount.from_quantiles(700.0, 1800.0)
    assert (count.quantile(0.5), count.quantile(0.9)) == (pytest.approx(700.0), pytest.approx(1800.0))
    draws = np.random.default_rng(0).lognormal(np.log(700.0), count.log_sd, 1_000_000)
    assert count.mean == pytest.approx(draws.mean(), rel=0.01)
    assert count.excess_share(2000.0) == pytest.approx(np.maximum(draws - 2000, 0).sum() / draws.sum(), abs=0.002)
    assert TokenCount(mean=100.0).excess_share(60.0) == pytest.approx(0.4)
    assert TokenCount(mean=0.0).quantile(0.9) == 0.0
